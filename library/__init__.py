"""What is kept about images: tables, queries, ingest, jobs and their worker."""
