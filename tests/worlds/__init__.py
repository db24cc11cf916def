"""Small worlds that stories and integration tests live in: fake where that is honest, real where it starts fast."""
