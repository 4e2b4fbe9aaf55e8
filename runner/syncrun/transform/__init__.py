"""From records as received to rows as staged."""
