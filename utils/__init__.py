"""Mechanisms that would make sense in another project."""
