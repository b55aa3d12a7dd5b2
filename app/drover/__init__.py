"""Drover: a native desktop workbench for reasoning models."""

__version__ = "0.1.0"
