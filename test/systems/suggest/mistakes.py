"""Makes labelled dirty tables of real ones: mistakes of the kinds that people and programs
make, in a few of the cells of each column, always the same."""
import random
import re


def typo(r, text):
    i = r.randrange(len(text))
    letter = r.choice("abcdefghijklmnopqrstuvwxyz") if not text[i].isdigit() else r.choice("xlosbg")
    return r.choice([text[:i] + letter + text[i + 1:], text[:i] + text[i + 1:], text[:i] + letter + text[i:]])


def missing(r, text):
    return r.choice(["", "", "N/A", "-", "unknown"])


def form(r, text):
    day = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)(.*)", text)
    if day:
        return f"{day[3]}/{day[2]}/{day[1]}{day[4]}"
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return r.choice([text + " units", "$" + text, text.replace(".", ",") if "." in text else text + "x"])
    return r.choice([text.upper(), text.lower(), " " + text, text + "  ", text.replace(" ", "  ")])


def scale(r, text):
    if re.fullmatch(r"\d+(\.\d+)?", text) and float(text) != 0:
        return str(float(text) * 1000) if "." in text else text + "000"
    return typo(r, text)


def dirty(rows, columns, seed, share=0.03):
    """Gives copies of the rows (dicts of texts) with mistakes, and their places: {(row, column)}.
    Every third of the columns stays clean, in some order."""
    r = random.Random(seed)
    clean = set(r.sample(columns, len(columns) // 3))
    rows = [dict(row) for row in rows]
    values = {c: [row[c] for row in rows] for c in columns}
    wrong = set()
    for c in columns:
        if c in clean:
            continue
        makes = r.sample([typo, missing, form, scale, "other"], 2)
        for i in r.sample(range(len(rows)), max(1, int(len(rows) * share * r.uniform(0.3, 1.7)))):
            make, old = r.choice(makes), rows[i][c]
            if old == "":
                continue
            new = r.choice(values[c]) if make == "other" else make(r, old)
            if new != old:
                rows[i][c] = new
                wrong.add((i, c))
    return rows, wrong


def told(seed, facts=70, sources=30):
    """Many sources tell of the same facts: when trains were due and when they came. Some are off by
    minutes, some say nothing, some write a time otherwise."""
    r = random.Random(seed)
    rows, wrong = [], set()

    def at(minutes):
        minutes %= 1440
        return f"{(minutes // 60 + 11) % 12 + 1}:{minutes % 60:02} {'a.m.' if minutes < 720 else 'p.m.'}"

    trains = [(f"IC-{100 + 7 * i}", [r.randrange(0, 1440) for _ in range(4)]) for i in range(facts)]
    habits = [(r.uniform(0, 0.4), r.uniform(0, 0.3)) for _ in range(sources)]
    for s, (off, silent) in enumerate(habits):
        for name, times in trains:
            if r.random() < 0.1:
                continue
            row = {"id": str(len(rows) + 1), "source": f"station{s}", "train": name}
            for column, t in zip(("due_out", "out", "due_in", "in"), times):
                value = at(t)
                if r.random() < silent:
                    value = ""
                elif r.random() < off:
                    value = at(t + r.choice([-20, -10, -5, -3, -2, -1, 1, 2, 3, 5, 10, 15, 30, 60])) if r.random() < 0.8 else "12/02 " + value
                if value != at(t):
                    wrong.add((len(rows), column))
                row[column] = value
            rows.append(row)
    return rows, wrong
