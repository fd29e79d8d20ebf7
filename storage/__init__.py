"""One port to object stores, a backend per URL scheme; drivers are imported when first used."""
