"""Counts what the winch has lifted."""


class Ledger:
    """Every lift of a day, in the order in which it was done."""

    def __init__(self, day):
        self.day = day
        self.rows = []

    def enter_lift(self, crate, tons, hold):
        """Write a row."""
        self.rows.append((crate, tons, hold))

    def strike_out(self, crate):
        """Take back what was entered by mistake."""
        self.rows = [row for row in self.rows if row[0] != crate]

    def total_tons(self):
        return sum(row[1] for row in self.rows)


class Holds:
    """The rooms below deck and what still fits in."""

    def __init__(self, sizes):
        self.sizes = dict(sizes)

    def find_room(self, tons):
        """The smallest one that is large enough."""
        fitting = [name for name, size in self.sizes.items() if size >= tons]
        return min(fitting, key=self.sizes.get, default=None)


def read_roster(path):
    """Shifts by name, from a file with one on each line."""
    with open(path) as file:
        return {line.split()[0]: line.split()[1:] for line in file}


def print_receipt(ledger, copies=2):
    """For the captain and for the office."""
    for _ in range(copies):
        print(ledger.day, ledger.total_tons())
