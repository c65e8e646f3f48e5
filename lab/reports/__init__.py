"""How a trial is shown: as text, as a card, as pictures, as a report."""
