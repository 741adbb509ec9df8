"""What a report says: sections made of a sentence, a table and figures, each with its definition and its n."""
