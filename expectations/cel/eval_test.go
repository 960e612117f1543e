package cel

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/engine"
)

var now = time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)

func TestEval(t *testing.T) {
	e := env(t)
	facts := Facts{Now: now, Exists: func(r Ref, v any) bool { return r == Ref{"t", "id", "int"} && v == int64(7) }}
	nan := math.NaN()
	big := engine.Decimal("999999999999999.999")
	for _, c := range []struct {
		src  string
		row  map[string]any
		want Value
	}{
		// Null.
		{"country == 'x'", nil, False},
		{"country != 'x'", nil, True},
		{"country == email", nil, True},
		{"country == null && quantity == null", nil, True},
		{"address == null && tags == null", nil, True},
		{"address != null", map[string]any{"address": map[string]any{"city": "x"}}, True},
		{"quantity > 1", nil, Err},
		{"size(country) > 1", nil, Err},
		{"quantity in [1, 2]", nil, False},
		{"cancelled", nil, Err},
		{"cancelled || true", nil, True},
		{"cancelled && false", nil, False},
		{"cancelled ? true : true", nil, Err},
		{"exists_in(quantity, 't', 'id')", nil, False},
		{"exists_in(quantity, 't', 'id')", map[string]any{"quantity": int64(7)}, True},

		// Errors are absorbed.
		{"quantity / 0 == 1 || true", map[string]any{"quantity": int64(1)}, True},
		{"quantity / 0 == 1 && false", map[string]any{"quantity": int64(1)}, False},
		{"quantity / 0 == 1 || false", map[string]any{"quantity": int64(1)}, Err},

		// Ints.
		{"quantity + 1 > 0", map[string]any{"quantity": int64(math.MaxInt64)}, Err},
		{"-quantity > 0", map[string]any{"quantity": int64(math.MinInt64)}, Err},
		{"abs(quantity) > 0", map[string]any{"quantity": int64(math.MinInt64)}, Err},
		{"quantity / -1 > 0", map[string]any{"quantity": int64(math.MinInt64)}, Err},
		{"quantity % -1 == 0", map[string]any{"quantity": int64(math.MinInt64)}, Err},
		{"quantity / 2 == -3 && quantity % 2 == -1", map[string]any{"quantity": int64(-7)}, True},
		{"quantity % 0 == 0", map[string]any{"quantity": int64(1)}, Err},

		// Doubles.
		{"rate == rate", map[string]any{"rate": nan}, False},
		{"rate != rate", map[string]any{"rate": nan}, True},
		{"rate < 1.0 || rate >= 1.0", map[string]any{"rate": nan}, False},
		{"rate in [1.0]", map[string]any{"rate": nan}, False},
		{"isNaN(rate)", map[string]any{"rate": nan}, True},
		{"rate / 0.0 > 1e300", map[string]any{"rate": 1.0}, True},
		{"int(rate) == -2", map[string]any{"rate": -2.5}, True},
		{"int(rate) == 0", map[string]any{"rate": nan}, Err},
		{"int(rate) == 0", map[string]any{"rate": 9.3e18}, Err},
		{"round(rate) == -3.0", map[string]any{"rate": -2.5}, True},
		{"quantity == 9007199254740992.0", map[string]any{"quantity": int64(1<<53 + 1)}, True},

		// Decimals.
		{"unit_price == 0.1", map[string]any{"unit_price": engine.Decimal("0.100")}, True},
		{"unit_price * 3 == 0.3", map[string]any{"unit_price": "0.1"}, True},
		{"unit_price + discount == 0.3001", map[string]any{"unit_price": 0.3, "discount": engine.Decimal("0.0001")}, True},
		{"unit_price * unit_price * discount > 0", map[string]any{"unit_price": big, "discount": engine.Decimal("9.9999")}, Err},
		{"div(unit_price, 3, 2) == 0.67", map[string]any{"unit_price": 2}, True},
		{"div(unit_price, 2, 0) == -2", map[string]any{"unit_price": -3}, True},
		{"div(unit_price, 0, 2) == 0", map[string]any{"unit_price": 1}, Err},
		{"string(unit_price) == '-0.500'", map[string]any{"unit_price": "-0.5"}, True},
		{"floor(unit_price) == -2 && ceil(unit_price) == -1 && round(unit_price, 1) == -1.6", map[string]any{"unit_price": "-1.55"}, True},
		{"unit_price in [1, 2.5]", map[string]any{"unit_price": "2.5"}, True},
		{"(cancelled ? unit_price : 0) == 0", map[string]any{"cancelled": false}, True},
		{"net > 5", map[string]any{"quantity": int64(2), "unit_price": "2.501"}, True},
		{"unit_price > 0", map[string]any{"unit_price": "0.12345"}, Err}, // does not fit decimal(18,3)

		// Text.
		{"size(country) == 2", map[string]any{"country": "é😀"}, True},
		{"country.lowerAscii() == 'É1a'", map[string]any{"country": "É1A"}, True},
		{"country.trim() == 'a b'", map[string]any{"country": "\u00a0a b\u3000"}, True},
		{"country.matches('b+')", map[string]any{"country": "abbc"}, True},
		{"country.matches('^b+$')", map[string]any{"country": "abbc"}, False},
		{"matches(country, 'a.c')", map[string]any{"country": "a\nc"}, False},
		{"int(country) == 12", map[string]any{"country": "+12"}, True},
		{"int(country) == 12", map[string]any{"country": " 12"}, Err},
		{"double(country) == 0.5", map[string]any{"country": ".5"}, True},
		{"double(country) > 0.0", map[string]any{"country": "1e999"}, Err},
		{"double(country) > 0.0", map[string]any{"country": "0x1p-2"}, Err},
		{"row.`Invoice No` == '1' && row[\"100 %\"] == 1.0 && row.`in` == 3", map[string]any{"Invoice No": "1", "100 %": 1, "in": 3}, True},

		// Times.
		{"ordered_at.getFullYear() == 2024 && ordered_at.getMonth() == 1 && ordered_at.getDayOfWeek() == 4", map[string]any{"ordered_at": now}, True},
		{"date(ordered_at) == due", map[string]any{"ordered_at": "2024-02-29T23:59:59.999999Z", "due": "2024-02-29"}, True},
		{"ordered_at == seen_at", map[string]any{"ordered_at": "2024-02-29T14:00:00+02:00", "seen_at": "2024-02-29 12:00:00"}, True},
		{"now() - ordered_at <= duration('26h')", map[string]any{"ordered_at": now.Add(-26 * time.Hour)}, True},
		{"ordered_at + duration('1us') > ordered_at", map[string]any{"ordered_at": "9999-12-31T23:59:59.999999Z"}, Err},
		{"due - date('2024-02-28') == duration('24h')", map[string]any{"due": "2024-02-29"}, True},
		{"timestamp(due) <= now()", map[string]any{"due": "2024-02-29"}, True},

		// Values that are not what the column is.
		{"quantity == 1", map[string]any{"quantity": "one"}, Err},
		{"quantity == 1", map[string]any{"quantity": engine.Decimal("99999999999999999999")}, Err},
		{"due == null", map[string]any{"due": "29.2.2024"}, Err},
	} {
		r, err := e.Row(c.src)
		if err != nil {
			if c.want != Err {
				t.Errorf("%s: %v", c.src, err)
			}
			continue
		}
		if got := r.With(facts).Eval(c.row); got.Value != c.want {
			t.Errorf("%s over %v gives %v, want %v", c.src, c.row, got, c.want)
		} else if (got.Value == Err) != (got.Message != "") {
			t.Errorf("%s: message %q of %v", c.src, got.Message, got.Value)
		}
	}
}

func TestEvalNeedsTheOtherTable(t *testing.T) {
	r, err := env(t).Row("exists_in(quantity, 'silver.t', 'id')")
	if err != nil {
		t.Fatal(err)
	}
	got := r.Eval(map[string]any{"quantity": int64(1)})
	if got.Value != Err || !strings.Contains(got.Message, "silver.t") {
		t.Errorf("got %v", got)
	}
	var asked Ref
	r = r.With(Facts{Exists: func(ref Ref, v any) bool { asked = ref; return v == int64(1) }})
	if got := r.Eval(map[string]any{"quantity": int64(1)}); got.Value != True || asked.Table != "silver.t" || asked.Column != "id" {
		t.Errorf("got %v, asked %v", got, asked)
	}
}

func TestEvalTable(t *testing.T) {
	e := env(t)
	rows := []map[string]any{
		{"quantity": int64(1), "unit_price": "1.005", "rate": 1.0, "country": "a", "ordered_at": now},
		{"quantity": int64(2), "unit_price": "2.005", "rate": math.NaN(), "country": "b", "ordered_at": now.Add(-time.Hour)},
		{"quantity": int64(4), "unit_price": "3.005", "rate": 3.0, "country": "a"},
		{"rate": math.Inf(1), "country": "b"},
	}
	for _, c := range []struct {
		src, where string
		want       Value
	}{
		{"rows() == 4", "", True},
		{"rows() == 2", "country == 'a'", True},
		{"rows() == 1", "quantity > 1 && country == 'b'", False}, // the row without quantity errs and stays in scope
		{"count(quantity > 1) == 2 && share(quantity > 1) == 0.5", "", True},
		{"nulls(quantity) == 1 && nans(rate) == 1 && infs(rate) == 1", "", True},
		{"sum(quantity) == 7 && sum(unit_price) == 6.015 && sum(rate) == 4.0", "", True},
		{"mean(quantity) == 7.0 / 3.0", "", False}, // 12 digits
		{"abs(mean(quantity) - 7.0 / 3.0) < 1e-11", "", True},
		{"mean(unit_price) == 2.005", "", True},
		{"div(sum(quantity), rows(), 2) == 1.75", "", True},
		{"min(rate) == 1.0 && max(rate) == 3.0", "", True},
		{"variance(quantity) > 2.333333 && variance(quantity) < 2.333334", "", True},
		{"median(quantity) == 2.0 && quantile(quantity, 0.25) == 1.5 && quantile(unit_price, 0.75) == 2.505", "", True},
		{"distinct(country) == 2 && duplicates(country) == 4 && duplicates(country, quantity) == 0", "", True},
		{"mode(country) == 'a'", "", True},
		{"max(ordered_at) == now() && freshness(ordered_at) < duration('1s')", "", True},
		{"revenue == 17.035", "", True},
		{"mean(quantity) > 1.0", "country == 'zz'", Null},
		{"mean(quantity) == null", "country == 'zz'", True},
		{"mean(quantity) != null || rows() == 1", "country == 'zz'", False},
		{"mean(quantity) > 1.0 || rows() == 0", "country == 'zz'", True},
		{"mode(country) == 'a'", "country == 'zz'", Null},
		{"stddev(quantity) > 1.0", "quantity == 1 && country == 'a'", Null},
		{"rows() >= previous(rows())", "", NoPast},
		{"rows() >= previous(rows()) || true", "", NoPast},
		{"previous(rows()) == null || rows() >= previous(rows())", "", True},
		{"mean(history(rows(), 3)) > 1.0", "", NoPast},
		{"sum(quantity) % 2 == 1", "", Err},

		// Arguments that err, and arguments that only lack a value.
		{"sum(10 / (quantity - 2)) > -100", "", Err},
		{"sum(10 / (quantity - 2)) == -5", "quantity != 2", True}, // a null quantity is left out
		{"sum(10 / (quantity - 2)) > -100 || true", "", Err},      // nothing absorbs it
		{"rows() == 0 || mean(10 / (quantity - 2)) != null", "quantity == 2", Err},
		{"count(10 / (quantity - 2) > 0) >= 0", "", Err},
		{"share(10 / (quantity - 2) > 0) >= 0.0", "", Err},
		{"count(quantity == 2 || 10 / (quantity - 2) > 0) == 2", "", True}, // || absorbs it within the row
		{"max(quantity * 9223372036854775807) > 0", "", Err},
		{"distinct(int(country)) == 0", "", Err},
		{"duplicates(country, 10 / (quantity - 2)) == 0", "", Err},
		{"duplicates(email, 10 / (quantity - 2)) == 0", "", Err}, // though the row has no key
		{"nulls(10 / (quantity - 2)) == 2", "", True},
		{"max(ordered_at + duration('1h')) > now()", "", True}, // null in two rows
		{"sum(quantity * quantity) == 21", "", True},
		{"sum(1 / 0) == 0", "", Err},
		{"sum(1 / 0) == null", "country == 'zz'", True},
		{"rows() >= previous(rows()) && sum(10 / (quantity - 2)) > 0", "", Err},
	} {
		var where *Rule
		if c.where != "" {
			var err error
			if where, err = e.Row(c.where); err != nil {
				t.Fatal(err)
			}
		}
		r, err := e.Table(c.src, where)
		if err != nil {
			if c.want != Err {
				t.Errorf("%s: %v", c.src, err)
			}
			continue
		}
		if got := r.EvalTable(rows, Facts{Now: now}); got.Value != c.want {
			t.Errorf("%s where %s gives %v, want %v", c.src, c.where, got, c.want)
		}
	}
}

func TestJudge(t *testing.T) {
	e := env(t)
	for _, c := range []struct {
		src    string
		values map[string]any
		want   Value
	}{
		{"rows() >= 0.8 * previous(rows())", map[string]any{"rows()": int64(80), "previous(rows())": int64(100)}, True},
		{"rows() >= 0.8 * previous(rows())", map[string]any{"rows()": int64(79), "previous(rows())": int64(100)}, False},
		{"rows() >= 0.8 * previous(rows())", map[string]any{"rows()": int64(79)}, NoPast},
		{"previous(rows()) > 3 || rows() > 0", map[string]any{"rows()": int64(79)}, NoPast},
		{"rows() > 0 || previous(rows()) > 3", map[string]any{"rows()": int64(79)}, NoPast},
		{"rows() > 0 ? true : size(history(rows(), 3)) > 1", map[string]any{"rows()": int64(79)}, NoPast},
		{"rows() >= 0.8 * previous(rows())", map[string]any{"previous(rows())": int64(79)}, Err},
		{"mean(rate) < 2.0 * previous(mean(rate))", map[string]any{"mean(rate)": 1.0, "previous(mean(rate))": nil}, Null},
		{"rows() > mean(history(rows(), 3))", map[string]any{"rows()": int64(10), "history(rows(), 3)": []any{int64(9), int64(10)}}, True},
		{"rows() > mean(history(rows(), 3))", map[string]any{"rows()": int64(10), "history(rows(), 3)": []any{}}, NoPast},
		{"size(history(rows(), 3)) == 2", map[string]any{"history(rows(), 3)": []any{int64(9), int64(10)}}, True},
		{"max(history(sum(net), 3)) == 2.5", map[string]any{"history(sum(quantity * unit_price), 3)": []any{engine.Decimal("2.5"), nil}}, True},
		{"mean(history(mean(rate), 3)) == 2.0", map[string]any{"history(mean(rate), 3)": []any{nil}}, Null},
		{"size(history(rows(), 3, 2)) == 2", map[string]any{"history(rows(), 3, 2)": []any{int64(9), nil, int64(10)}}, True},
		{"size(history(rows(), 3, 3)) == 2", map[string]any{"history(rows(), 3, 3)": []any{int64(9), nil, int64(10)}}, NoPast},
		{"mean(history(mean(rate), 3, 2)) == 2.0", map[string]any{"history(mean(rate), 3, 2)": []any{nil, nil}}, NoPast},
		{"z_band(history(rows(), 3), 1.0) == [2.0, 4.0]", map[string]any{"history(rows(), 3)": []any{int64(2), nil, int64(3), int64(4)}}, True},
		{"z_band(history(rows(), 3), 1.0) == [2.0, 4.0]", map[string]any{"history(rows(), 3)": []any{int64(2)}}, NoPast},
		{"seasonal_band(history(rows(), 4), history(max(due), 4), max(due), 'month', 1.0) == [4.0, 4.0]", map[string]any{ // a hole in either leaves the other's out
			"history(rows(), 4)": []any{int64(3), int64(90), nil, int64(1), int64(0)}, "max(due)": time.Date(2024, 2, 5, 0, 0, 0, 0, time.UTC),
			"history(max(due), 4)": []any{time.Date(2024, 2, 4, 0, 0, 0, 0, time.UTC), nil, time.Date(2024, 2, 3, 0, 0, 0, 0, time.UTC), time.Date(2024, 2, 2, 0, 0, 0, 0, time.UTC), time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)}}, True},
		{"seasonal_band(history(rows(), 4), history(max(due), 4), max(due), 'weekday', 1.0) == [4.0, 4.0]", map[string]any{ // no Monday before
			"history(rows(), 4)": []any{int64(3), int64(1)}, "max(due)": time.Date(2024, 2, 5, 0, 0, 0, 0, time.UTC),
			"history(max(due), 4)": []any{time.Date(2024, 2, 4, 0, 0, 0, 0, time.UTC), time.Date(2024, 2, 2, 0, 0, 0, 0, time.UTC)}}, NoPast},
		{"mean(rate) == 0.1", map[string]any{"mean(rate)": 0.1 + 1e-16}, True}, // judged at 12 digits
		{"mean(rate) == 0.1", map[string]any{"mean(rate)": math.Inf(1)}, Err},
		{"mode(rate) == 0.1", map[string]any{"mode(rate)": math.NaN()}, False},
		{"sum(quantity) == 99999999999999999999", map[string]any{}, Err},
		{"sum(quantity) > 9e18", map[string]any{"sum(quantity)": engine.Decimal("99999999999999999999")}, True},
		{"freshness(due) < duration('13h')", map[string]any{"max(due)": time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)}, True},
		{"rows() > 0", map[string]any{"rows()": "many"}, Err},
		{"size(history(rows(), 3)) == 2", map[string]any{"history(rows(), 3)": int64(9)}, Err},
		{"sum(quantity / stock) == 3", map[string]any{"sum(quantity / stock)": engine.Decimal("3"), "errors(quantity / stock)": int64(0)}, True},
		{"sum(quantity / stock) == 3", map[string]any{"sum(quantity / stock)": engine.Decimal("3"), "errors(quantity / stock)": int64(1)}, Err},
		{"sum(quantity / stock) == 3", map[string]any{"sum(quantity / stock)": engine.Decimal("3"), "errors(quantity / stock)": nil}, Err},
		{"sum(quantity / stock) == 3", map[string]any{"sum(quantity / stock)": engine.Decimal("3")}, Err},
		{"previous(sum(quantity / stock)) == 3", map[string]any{"previous(sum(quantity / stock))": engine.Decimal("3")}, True},
	} {
		r, err := e.Table(c.src, nil)
		if err != nil {
			if c.want != Err {
				t.Errorf("%s: %v", c.src, err)
			}
			continue
		}
		if got := r.Judge(c.values, Facts{Now: now}); got.Value != c.want {
			t.Errorf("%s over %v gives %v, want %v", c.src, c.values, got, c.want)
		}
	}
}

func TestErrorsOfArguments(t *testing.T) {
	e := env(t)
	where, err := e.Row("country == 'a'")
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.Table("sum(10 / (quantity - 2)) > -100", where)
	if err != nil {
		t.Fatal(err)
	}
	rows := []map[string]any{{"quantity": int64(2), "country": "a"}, {"quantity": int64(2), "country": "b"}, {"country": "a"}, {"quantity": int64(3), "country": "a"}}
	const text = `errors(10 / (quantity - 2)) where country == "a"`
	if got := r.Measure(rows, Facts{})[text]; got != int64(1) {
		t.Errorf("%s is %v, want 1", text, got)
	}
	got := r.EvalTable(rows, Facts{})
	if want := "10 / (quantity - 2) could not be computed for 1 row: "; got.Value != Err || !strings.HasPrefix(got.Message, want) {
		t.Errorf("got %v, want an error %s...", got, want)
	}
	got = r.EvalTable(append(rows, rows[0]), Facts{})
	if want := "10 / (quantity - 2) could not be computed for 2 rows: "; !strings.HasPrefix(got.Message, want) {
		t.Errorf("got %v, want %s...", got, want)
	}
	for _, m := range r.Metrics() {
		if m.Errors != (m.Text == text) {
			t.Errorf("%s: Errors is %v", m.Text, m.Errors)
		}
	}
}

// Two tables in one argument: the companion must not be taken for a second one.
func TestErrorsOfArgumentsKeepReferences(t *testing.T) {
	r, err := env(t).Table("count(exists_in(quantity / stock, 't', 'id')) > 0 && count(exists_in(country, 't', 'id')) > 0", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Refs(); !slices.Equal(got, []Ref{{"t", "id", "int"}, {"t", "id", "string"}}) {
		t.Errorf("refs %v", got)
	}
}

func TestRound(t *testing.T) {
	for x, want := range map[float64]float64{0.1 + 0.2: 0.3, 123456789012345: 123456789012000, 0: 0, 1e-300: 1e-300, math.MaxFloat64: 1.79769313486e308} {
		if got := Round(x); got != want {
			t.Errorf("Round(%v) = %v, want %v", x, got, want)
		}
	}
	if !math.IsNaN(Round(math.NaN())) || !math.IsInf(Round(math.Inf(-1)), -1) {
		t.Error("NaN and infinities must stay")
	}
}

func TestParseDecimal(t *testing.T) {
	for text, want := range map[string]string{"1.50": "1.50", "-.5": "-0.5", "1e3": "1000", "1.5e-3": "0.0015", "+7": "7", "-0.0": "0.0",
		"": "!", ".": "!", "--1": "!", "1.2.3": "!", "1e": "!", "0x1": "!", "1e9999": "!", "NaN": "!"} {
		got := "!"
		if d, err := parseDecimal(text); err == nil {
			got = d.String()
		}
		if got != want {
			t.Errorf("%q gives %s, want %s", text, got, want)
		}
	}
}
