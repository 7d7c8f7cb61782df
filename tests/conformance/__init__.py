"""Worked examples of what a policy means, put to the judge through its public face."""
