"""Images for pages: a variant of an original that lies in a bucket, made once and kept, behind a CDN."""
