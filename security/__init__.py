"""Decisions about what may come in, as plain functions over values."""
