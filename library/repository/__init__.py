"""Every query of the library. Functions take the session of a transaction and never commit: who opened it does."""
