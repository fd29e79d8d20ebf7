"""Measurements over a folder of real images: `corpus` (bytes and looks), `overhead` (CPU, time, memory)."""
