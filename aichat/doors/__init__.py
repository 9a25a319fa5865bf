"""The ways in, thin: each turns what arrives into a call of a use case, and the result into what leaves."""
