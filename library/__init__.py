"""What is kept about images: tables, queries, ingest, the catalog and its duplicates."""
