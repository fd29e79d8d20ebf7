"""Doors: parse, call one thing, shape the answer."""
