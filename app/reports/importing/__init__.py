"""Real reports of other systems: a CSV, a mapping, the same checks as a single report, one transaction."""
