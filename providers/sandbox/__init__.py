"""Sandbox: a small redirect provider of our own, real enough for portals to rehearse every outcome against."""
