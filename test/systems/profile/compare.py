"""Profiles against DuckDB, pandas and SciPy: every number that dq calls exact must be
theirs, every estimate within its stated error, on the example's real data and on random
tables; and the drift between two of them.

Usage: compare.py DQ [PARQUET...]"""
import glob
import json
import os
import subprocess
import sys
import tempfile

import duckdb
import numpy as np
import pandas as pd
from scipy import stats
from scipy.spatial import distance

dq, more = sys.argv[1], sys.argv[2:]
root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
db = duckdb.connect()
db.execute("SET TimeZone = 'UTC'")
counted, wrong = 0, []


def check(what, got, want, ok=None):
    global counted
    counted += 1
    if not (got == want if ok is None else ok):
        wrong.append(f"{what}: dq says {got}, and it is {want}")


def near(a, b, relative=1e-9, absolute=1e-9):
    if a is None or b is None or b != b:
        return a is None and (b is None or b != b)
    return abs(float(a) - float(b)) <= max(absolute, relative * abs(float(b)))


def profile(data, *args):
    text = subprocess.run([dq, "profile", data, "--format", "json", *args], capture_output=True, text=True, check=True).stdout
    return json.loads(text)["layers"][0]["tables"][0]["profile"]


def column(name, where, c, rel):
    q = '"' + c["name"].replace('"', '""') + '"'
    one = lambda sql: db.execute(f"SELECT {sql} FROM {rel}").fetchone()[0]
    what = f"{name}.{c['name']}"
    floating = c["type"] in ("double", "float")
    x = f"CASE WHEN isfinite({q}) THEN {q} END" if floating else q
    check(what + " rows", c["rows"], one("count(*)"))
    check(what + " nulls", c["nulls"], one(f"count(*) - count({q})"))
    if floating:
        check(what + " nans", c.get("nans", 0), one(f"count(*) FILTER (WHERE isnan({q}))"))
        check(what + " infs", c.get("infs", 0), one(f"count(*) FILTER (WHERE isinf({q}))"))
    distinct = one(f"count(DISTINCT {x})")
    exact = not c.get("approx") or where == "verified"
    check(what + " distinct", c["distinct"], distinct, c["distinct"] == distinct if exact else near(c["distinct"], distinct, 4 * 0.0081))
    numeric = c["type"].startswith(("int", "decimal")) or floating
    if c["type"] == "string":
        check(what + " empty", c.get("empty", 0), one(f"count(*) FILTER (WHERE {q} = '')"))
        check(what + " untrimmed", c.get("untrimmed", 0), one(f"count(*) FILTER (WHERE {q} LIKE ' %' OR {q} LIKE '% ')"))
        check(what + " lengths", (c.get("min_length"), c.get("max_length")), (one(f"min(length({q}))"), one(f"max(length({q}))")))
        check(what + " mean length", c.get("mean_length"), one(f"avg(length({q}))"), near(c.get("mean_length"), one(f"avg(length({q}))")))
    if not c.get("approx") and distinct < c["rows"] - c["nulls"] - c.get("nans", 0) - c.get("infs", 0):
        best = db.execute(f"SELECT count(*) FROM {rel} WHERE {x} IS NOT NULL GROUP BY {x} ORDER BY 1 DESC LIMIT 10").fetchall()
        check(what + " top counts", [v["count"] for v in c.get("top", [])], [r[0] for r in best])
        check(what + " once", c.get("once", 0), one(f"count(*) FILTER (WHERE n = 1) FROM (SELECT count(*) AS n FROM {rel} WHERE {x} IS NOT NULL GROUP BY {x}) AS g --"))
    if not numeric or c["rows"] == c["nulls"] or distinct == 0:
        return
    for f in ("min", "max"):
        check(f"{what} {f}", c.get(f), one(f"{f}({x})"), near(c.get(f), one(f"{f}({x})"), 1e-11))
    total = one(f"sum({x})")
    check(what + " sum", c.get("sum"), str(total), near(c.get("sum"), total, 1e-9, 1e-6) if floating else c.get("sum") == str(total))
    check(what + " zeros", c.get("zeros", 0), one(f"count(*) FILTER (WHERE {q} = 0)"))
    check(what + " negative", c.get("negative", 0), one(f"count(*) FILTER (WHERE {x} < 0)"))
    values = pd.Series(db.execute(f"SELECT CAST({x} AS DOUBLE) AS x FROM {rel} WHERE {x} IS NOT NULL").df()["x"])
    spread = float(values.max() - values.min())
    check(what + " mean", c.get("mean"), values.mean(), near(c.get("mean"), values.mean(), 1e-9, spread * 1e-12))
    check(what + " stddev", c.get("stddev"), values.std(), near(c.get("stddev"), values.std(), 1e-9, spread * 1e-12))
    if spread > 0 and len(values) >= 4:
        check(what + " skewness", c.get("skewness"), values.skew(), near(c.get("skewness"), values.skew(), 1e-6, 1e-6))
        check(what + " kurtosis", c.get("kurtosis"), values.kurt(), near(c.get("kurtosis"), values.kurt(), 1e-6, 1e-6))
    at = [0.05, 0.25, 0.5, 0.75, 0.95], [0.001, 0.01, 0.1, 0.9, 0.99, 0.999]
    for fractions, got in zip(at, (c["quantiles"], c["percentiles"])):
        for f, g in zip(fractions, got):
            want = np.quantile(values, f)
            if c.get("approx"):
                # Within the finer of both sorts of bins, or between the neighbours in rank.
                low, high = np.quantile(values, [max(0, f - 0.002), min(1, f + 0.002)])
                ok = low - abs(low) / 64 <= g <= high + abs(high) / 64 or abs(g - want) <= spread / 1000
            else:
                ok = near(g, want, 1e-9, spread * 1e-9)
            check(f"{what} quantile {f}", g, want, ok)


def table(name, rel, data):
    p = profile(data)
    names = [r[0] for r in db.execute(f"DESCRIBE SELECT * FROM {rel}").fetchall()]
    verified = "verified" if p["rows"] <= 2_000_000 else ""
    for c in p["columns"]:
        if c["name"] in names:
            column(name, verified, c, rel)
    want = db.execute(f"SELECT coalesce(sum(n - 1), 0), count(*) FROM (SELECT count(*) AS n FROM {rel} GROUP BY ALL HAVING count(*) > 1)".replace("GROUP BY ALL", "GROUP BY " + ", ".join(f'"{n}"' for n in names))).fetchone()
    check(name + " duplicates", (p["duplicates"]["rows"], p["duplicates"]["groups"]), (int(want[0]), want[1]))
    for k in p.get("keys", []):
        columns = ", ".join(f'"{n}"' for n in k["columns"])
        where = " AND ".join(f'"{n}" IS NOT NULL' for n in k["columns"])
        repeats = db.execute(f"SELECT count(*) - count(DISTINCT ({columns})) FROM {rel} WHERE {where}").fetchone()[0]
        check(f"{name} key {columns}", k.get("repeats", 0), repeats)
    for d in p.get("dependencies", [])[:20]:
        a, b = f'"{d["from"]}"', f'"{d["to"]}"'
        r = db.execute(f"SELECT sum(n), sum(n - most) FROM (SELECT sum(n) AS n, max(n) AS most FROM (SELECT {a} AS a, count(*) AS n FROM {rel} WHERE {a} IS NOT NULL AND {b} IS NOT NULL GROUP BY {a}, {b}) GROUP BY a)").fetchone()
        check(f"{name} {a} decides {b}", (d["rows"], d["exceptions"]), tuple(map(int, r)))
    if p["sampled"] == p["rows"]:
        df = db.execute(f"SELECT * FROM {rel}").df()
        for c in p.get("correlations", []):
            both = df[[c["a"], c["b"]]].dropna()
            if c["method"] == "cramers_v":
                want = stats.contingency.association(pd.crosstab(both[c["a"]], both[c["b"]]).to_numpy(), method="cramer")
            else:
                x, y = (both[n].astype("int64") if both[n].dtype.kind == "M" else both[n].astype(float) for n in (c["a"], c["b"]))
                fine = np.isfinite(x.astype(float)) & np.isfinite(y.astype(float))
                want = (stats.pearsonr if c["method"] == "pearson" else stats.spearmanr)(x[fine].astype(float), y[fine].astype(float))[0]
            check(f"{name} {c['method']} {c['a']} {c['b']}", c["value"], want, near(c["value"], want, 1e-8, 1e-8))


def drift(name, old, new):
    p = profile(new, "--baseline", old)["drift"]
    a, b = db.execute(f"FROM '{old}'").df(), db.execute(f"FROM '{new}'").df()
    for c in p["columns"]:
        x, y = a[c["name"]].dropna(), b[c["name"]].dropna()
        what = f"{name} drift of {c['name']}"
        if c.get("chi2") is not None:
            both = pd.DataFrame({"a": x.value_counts(), "b": y.value_counts()}).fillna(0).astype(float)
            if len(both) > 1:
                r = stats.chi2_contingency(both.to_numpy().T, correction=False)
                check(what + " chi2", c["chi2"], r.statistic, near(c["chi2"], r.statistic, 1e-9))
                check(what + " chi2 p", c["chi2_p"], r.pvalue, near(c["chi2_p"], r.pvalue, 1e-7, 1e-12))
            want = distance.jensenshannon(both["a"], both["b"], 2)
            check(what + " Jensen-Shannon", c["js"], want, near(c["js"], want, 1e-8, 1e-7))
        if c.get("ks") is not None and x.dtype.kind in "if":
            x, y = x[np.isfinite(x)].astype(float), y[np.isfinite(y)].astype(float)
            spread = max(x.max(), y.max()) - min(x.min(), y.min())
            exact = x.nunique() <= 10_000 and y.nunique() <= 10_000
            ks, w = stats.ks_2samp(x, y, method="asymp"), stats.wasserstein_distance(x, y)
            check(what + " KS", c["ks"], ks.statistic, near(c["ks"], ks.statistic, 1e-9, 1e-9 if exact else 0.01))
            check(what + " Wasserstein", c["wasserstein"], w, near(c["wasserstein"], w, 1e-9, spread * (1e-9 if exact else 1e-3)))
            if exact and 0.001 < ks.pvalue < 0.999:
                check(what + " KS p", c["ks_p"], ks.pvalue, near(c["ks_p"], ks.pvalue, 0.05, 0.02))


def random_table(folder, seed, rows):
    r = np.random.default_rng(seed)
    hole = lambda a: pd.Series(a).mask(r.random(rows) < r.random() * 0.3)
    f = r.normal(size=rows) * 10.0 ** r.integers(-3, 6)
    f[r.random(rows) < 0.01] = np.nan
    f[r.random(rows) < 0.001] = np.inf
    n = r.integers(-(2 ** 40), 2 ** 40, rows)
    pd.DataFrame({
        "wide": n, "few": hole(r.integers(0, 9, rows)).astype("Int64"), "f": f, "skewed": np.exp(r.normal(size=rows) * 2), "copied": n * 2.0 + r.normal(size=rows) * 2 ** 39,
        "word": hole(r.choice(["", " a", "b ", "Ä", "日本", "c" * 30], rows)), "text": ["t%d" % v for v in r.integers(0, rows * 2, rows)],
        "constant": 7, "size": r.choice(["s", "m", "l"], rows), "b": r.random(rows) < 0.2,
    }).to_parquet(f"{folder}/{seed}.parquet")
    return f"{folder}/{seed}.parquet"


with tempfile.TemporaryDirectory() as folder:
    days = os.path.join(root, "examples", "ecommerce", "data", "online_retail")
    files = sorted(glob.glob(f"{days}/*.csv.gz"))
    one = f"{folder}/retail.parquet"
    db.execute(f"COPY (SELECT * FROM read_csv({files!r})) TO '{one}' (FORMAT parquet)")
    table("retail", f"'{one}'", one)
    halves = []
    for i, where in enumerate(("<", ">=")):
        halves.append(f"{folder}/half{i}.parquet")
        db.execute(f"COPY (FROM '{one}' WHERE InvoiceDate {where} TIMESTAMP '2011-06-01') TO '{halves[-1]}' (FORMAT parquet)")
    drift("retail", *halves)
    for data in more:
        table(os.path.basename(data), f"'{data}'", data)
    for seed, rows in enumerate((3, 500, 9_000, 9_500, 60_000, 250_000)):
        data = random_table(folder, seed, rows)
        table(f"random {seed}", f"'{data}'", data)
        if seed:
            drift(f"random {seed}", random_table(folder, seed - 1, max(3, rows)), data)

print(f"{counted} numbers compared, {len(wrong)} differ")
for w in wrong[:60]:
    print(w)
sys.exit(1 if wrong else 0)
