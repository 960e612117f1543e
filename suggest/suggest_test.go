package suggest

import (
	"bytes"
	"encoding/csv"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/table"
)

var update = flag.Bool("update", false, "write the suites that are suggested into testdata")

// tableOf makes a table of records, the first of which has name:type of each column.
// Nothing is null.
func tableOf(t testing.TB, records [][]string) *Table {
	t.Helper()
	out := &Table{Rows: int64(len(records) - 1), Looked: len(records) - 1}
	p := &part{}
	for j, head := range records[0] {
		name, kind, _ := strings.Cut(head, ":")
		typ, err := table.ParseType(kind)
		if err != nil {
			t.Fatal(err)
		}
		out.schema.Fields = append(out.schema.Fields, table.Field{Name: name, Type: typ, Nullable: true})
		if !nameable(name) {
			continue
		}
		out.columns = append(out.columns, &column{name: name, typ: typ})
		c := coded{places: map[string]int32{}}
		for _, r := range records[1:] {
			v := r[j]
			if v == "" {
				c.codes = append(c.codes, -1)
				continue
			}
			if typ.Temporal() {
				day, err := time.Parse(time.DateOnly, v)
				if err != nil {
					t.Fatal(err)
				}
				v = strconv.FormatInt(day.Unix(), 10)
			}
			k, ok := c.places[v]
			if !ok {
				k = int32(len(c.values))
				c.places[v], c.values = k, append(c.values, v)
			}
			c.codes = append(c.codes, k)
		}
		p.columns = append(p.columns, c)
	}
	for i, c := range out.columns {
		c.gather([]*part{p}, i)
	}
	return out
}

func records(t testing.TB, file string) [][]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestLearn compares suites with those in testdata: of each table there, with its rows in
// any order.
func TestLearn(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.csv")
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".csv")
		t.Run(name, func(t *testing.T) {
			all := records(t, file)
			got := Learn(tableOf(t, all), name).YAML()
			golden := strings.TrimSuffix(file, ".csv") + ".yaml"
			if *update {
				if err := os.WriteFile(golden, got, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got\n%s\nrun go test ./suggest -update and look at the difference", got)
			}
			mustLoad(t, got)
			rows := all[1:]
			rand.New(rand.NewPCG(1, 2)).Shuffle(len(rows), func(i, k int) { rows[i], rows[k] = rows[k], rows[i] })
			if again := Learn(tableOf(t, all), name).YAML(); !bytes.Equal(again, got) {
				t.Errorf("in another order the suite is\n%s", again)
			}
		})
	}
}

// mustLoad reads a suite, compiles it for its own columns, and looks for what is odd about it.
func mustLoad(t testing.TB, yaml []byte) *expectations.Suite {
	t.Helper()
	s, err := expectations.Parse("suggested.yaml", yaml, expectations.Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, yaml)
	}
	var schema table.Schema
	for _, c := range s.Columns {
		schema.Fields = append(schema.Fields, table.Field{Name: c.Name, Type: *c.Type, Nullable: true})
	}
	if _, err := s.Plan(schema, nil); err != nil {
		t.Fatalf("%v\n%s", err, yaml)
	}
	if found := s.Lint(schema); len(found) > 0 {
		t.Fatalf("%v\n%s", found, yaml)
	}
	return s
}

// TestSlips holds which texts are slips of which: cases are value count, the right ones first.
func TestSlips(t *testing.T) {
	for _, c := range []struct {
		name   string
		values map[string]int
		want   string // slip of, sorted
	}{
		{"a letter", map[string]int{"paid": 100, "shipped": 80, "shiped": 2}, "shiped of shipped"},
		{"case and spaces", map[string]int{"New York": 90, "new  york": 1, "Boston": 80}, "new  york of New York"},
		{"neighbours exchanged", map[string]int{"paid": 100, "new": 80, "piad": 2}, "piad of paid"},
		{"too frequent", map[string]int{"cat": 60, "car": 40}, ""},
		{"another word", map[string]int{"paid": 100, "void": 1}, ""},
		{"digits tell apart", map[string]int{"size 12": 100, "size 13": 1}, ""},
		{"codes are alike", map[string]int{"a1x": 50, "a1y": 50, "a1z": 50, "a1w": 50, "a1q": 1}, ""},
		{"a slip of a slip", map[string]int{"January": 300, "Janury": 5, "Janry": 1}, "Janry of January, Janury of January"},
		{"one letter is none", map[string]int{"M": 100, "F": 90, "X": 1}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := [][]string{{"c:string"}}
			for v, n := range c.values {
				for range n {
					all = append(all, []string{v})
				}
			}
			col := tableOf(t, all).columns[0]
			var got []string
			for i, k := range col.slips() {
				got = append(got, col.values[i]+" of "+col.values[k])
			}
			slices.Sort(got)
			if s := strings.Join(got, ", "); s != c.want {
				t.Errorf("slips are %q, want %q", s, c.want)
			}
		})
	}
}

// FuzzEdits compares with the table of all distances that is filled in whole.
func FuzzEdits(f *testing.F) {
	f.Add("paid", "piad", 2)
	f.Add("birmingham", "birminghxm", 3)
	f.Add("abcdefgh", "bacdfeh", 4)
	f.Fuzz(func(t *testing.T, x, y string, limit int) {
		a, b := []rune(x), []rune(y)
		if len(a) > 30 || len(b) > 30 || limit < 0 || limit > 40 {
			t.Skip()
		}
		d := make([][]int, len(a)+1)
		for i := range d {
			d[i] = make([]int, len(b)+1)
			for j := range d[i] {
				switch {
				case i == 0 || j == 0:
					d[i][j] = i + j
				default:
					d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+1)
					if a[i-1] == b[j-1] {
						d[i][j] = d[i-1][j-1]
					}
					if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
						d[i][j] = min(d[i][j], d[i-2][j-2]+1)
					}
				}
			}
		}
		if got, want := edits(a, b, limit), min(d[len(a)][len(b)], limit+1); min(got, limit+1) != want {
			t.Errorf("edits(%q, %q, %d) is %d, want %d", x, y, limit, got, want)
		}
	})
}

// TestDetermined holds what is taken for a dependency with mistakes, and what for a habit.
func TestDetermined(t *testing.T) {
	build := func(groups, size int, value func(g, i int) string) bool {
		all := [][]string{{"k:string", "c:string"}}
		for g := range groups {
			for i := range size {
				all = append(all, []string{fmt.Sprint("k", g), value(g, i)})
			}
		}
		tab := tableOf(t, all)
		a, b := tab.columns[0], tab.columns[1]
		return determined(b, groupsOf(a.codes, len(a.values)), b.filled()).taken
	}
	for _, c := range []struct {
		name         string
		groups, size int
		value        func(g, i int) string
		want         bool
	}{
		{"none wrong", 20, 6, func(g, _ int) string { return fmt.Sprint("v", g) }, true},
		{"slips", 20, 6, func(g, i int) string {
			if i == 0 && g%2 == 0 {
				return fmt.Sprint("slip", g)
			}
			return fmt.Sprint("v", g)
		}, true},
		{"a habit: one value is usual everywhere", 20, 6, func(g, i int) string {
			if (g+i)%3 == 0 {
				return "seldom"
			}
			return "usual"
		}, false},
		{"a habit: the others are right elsewhere", 20, 10, func(g, i int) string {
			if i < 2 {
				return fmt.Sprint("v", (g+1)%5)
			}
			return fmt.Sprint("v", g%5)
		}, false},
		{"a constant", 20, 6, func(int, int) string { return "v" }, false},
		{"sources that contest each other", 30, 20, func(g, i int) string {
			if i%3 == 0 {
				return fmt.Sprint("v", g, "off by ", i)
			}
			return fmt.Sprint("v", g)
		}, true},
	} {
		if got := build(c.groups, c.size, c.value); got != c.want {
			t.Errorf("%s: taken for a dependency: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestRepeatedRows: of rows that are there twice, both break the rule that is learned.
func TestRepeatedRows(t *testing.T) {
	all := [][]string{{"a:string", "b:string"}}
	for i := range 1000 {
		all = append(all, []string{fmt.Sprint(i % 60), fmt.Sprint(i / 60)})
	}
	all = append(all, all[7], all[7], all[9])
	for _, r := range Learn(tableOf(t, all), "t").Rules {
		if r.Kind == "unique" && len(r.Columns) == 2 {
			if r.Exceptions != 3+2 {
				t.Errorf("%d rows break %s, want the 5 that are there more than once", r.Exceptions, r.ID)
			}
			return
		}
	}
	t.Error("nothing tells the rows apart")
}

// TestRule holds the rule of one kind that the last column, made of 200 rows, gets.
func TestRule(t *testing.T) {
	day := func(i int) string { return time.Date(2026, 3, 1+i%28, 0, 0, 0, 0, time.UTC).Format(time.DateOnly) }
	word := func(i int) string { // of three letters
		return string([]byte{'a' + byte(i%23), 'a' + byte(i%7), 'a' + byte(i%19)})
	}
	for _, c := range []struct {
		name, head, kind, want string
		value                  func(i int) string
	}{
		{"a daily table", "d:date", "freshness", "{max_age 26h}", day},
		{"texts that are far too long", "c:string", "length", "{max 23}", func(i int) string {
			if i == 7 {
				return strings.Repeat("very long ", 100)
			}
			return word(i) + strings.Repeat(" "+word(i*i), 1+i%5)
		}},
		{"a range with room", "n:int64", "between", "{min 0} {max 230}", func(i int) string { return strconv.Itoa(3 + i*7%150) }},
		{"one far off stays outside", "n:double", "between", "{min 0} {max 8.4}", func(i int) string {
			if i == 5 {
				return "4200.5"
			}
			return strconv.FormatFloat(1+float64(i*37%50)/10, 'f', -1, 64)
		}},
		{"nothing stands for none", "c:string", "not_in_set", "{set [N/A]}", func(i int) string {
			if i%40 == 0 {
				return "N/A"
			}
			return word(i) + " " + word(i*i) + " " + word(i*i*i)
		}},
		{"one of two ways to write the same", "c:string", "regex", `{pattern ^\([0-9]{3}\) [0-9]{3}-[0-9]{4}$}`, func(i int) string {
			form := "(%03d) %03d-%04d"
			if i%12 == 0 {
				form = "%03d-%03d-%04d"
			}
			return fmt.Sprintf(form, 200+i%9, i*7%1000, i*31%10000)
		}},
		{"a tax of a state and a family", "state:string,family:string,tax:int64", "functional_dependency", "{of [state family]} {share 0.5}", func(i int) string {
			state, family := i%5, i/5%2
			tax := []int{10, 20, 30, 10, 20, 40, 30, 50, 60, 10}[2*state+family]
			if i == 77 {
				tax = 3
			}
			return fmt.Sprintf("s%d,f%d,%d", state, family, tax)
		}},
		{"numbers with many units", "c:string", "decimal_text", "", func(i int) string {
			return strconv.Itoa(10+i%9) + []string{" oz", " oz.", " ounce", "OZ"}[i%4]
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := [][]string{strings.Split(c.head, ",")}
			var heads []string
			for _, h := range all[0] {
				name, _, _ := strings.Cut(h, ":")
				heads = append(heads, name)
			}
			for i := range 200 {
				all = append(all, strings.Split(c.value(i), ","))
			}
			tab := tableOf(t, all)
			tab.At = time.Date(2026, 3, 28, 3, 0, 0, 0, time.UTC)
			s := Learn(tab, "t")
			var got []string
			for _, r := range s.Rules {
				if r.Kind == c.kind && r.Column == heads[len(heads)-1] {
					for _, p := range r.Params {
						got = append(got, fmt.Sprint(p))
					}
					if text := strings.Join(got, " "); text != c.want {
						t.Errorf("%s %s, want %s", r.ID, text, c.want)
					}
					mustLoad(t, s.YAML())
					return
				}
			}
			t.Errorf("no rule %s in\n%s", c.kind, s.YAML())
		})
	}
}

// FuzzLearn holds that whatever a table has in it, its suite can be read, compiled and linted.
func FuzzLearn(f *testing.F) {
	f.Add("id", "N/A,a: b,'x',\"y\",no,#c,{d},[e],1e5,2026-01-01,\x00,é\u2028,%$,`")
	f.Add("a `b` c", "1,2,3,4,5 kg,6 lb,7 st,-,?")
	f.Add("in", "a@b.cd,e@f.gh,\n,\t,\\,'',|")
	f.Fuzz(func(t *testing.T, name, values string) {
		if len(values) > 2000 || len(name) > 100 || !utf8.ValidString(name+values) {
			t.Skip("engines have no such texts, or they are long")
		}
		if name == "" || strings.Contains(name, ":") {
			name = "c"
		}
		list := strings.Split(values, ",")
		all := [][]string{{name + ":string", name + "_2:string", "n:int64"}}
		for i := range 40 * len(list) {
			if i > 400 {
				break
			}
			v := list[(i*i)%len(list)]
			all = append(all, []string{v, v + "_" + list[i%len(list)], strconv.Itoa(i % 50)})
		}
		mustLoad(t, Learn(tableOf(t, all), name).YAML())
	})
}
