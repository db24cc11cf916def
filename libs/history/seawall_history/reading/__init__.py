"""Other people's files as rows of ours: Feather, CSV and Parquet, by their columns and their names."""
