"""One module a command, each with an async function that does the work."""
