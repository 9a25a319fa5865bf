"""Persona files of the seed's form that a new service starts with."""
