package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// rowFormats are the formats that rows are written in.
var rowFormats = []string{"table", "json", "ndjson", "csv", "parquet", "arrow"}

func (a *app) tableQuery() *cobra.Command {
	var format, output string
	cmd := &cobra.Command{
		Use:   "query LOCATION [SQL]",
		Short: "Ask one SELECT of a table, which is called t",
		Long: `query runs one SELECT over a table, which is called t, and writes its rows. The
SELECT reads t and nothing else, besides the numbers that range() and the like make. In
JSON, decimals are numbers with all their digits, times are ISO 8601, binary is base64,
and NaN and infinities are the texts "NaN", "Infinity" and "-Infinity". However large
the result is, it takes no more memory than the engine may have, 80 % of the machine's,
and lies on disk beyond that, but for the format table. Files of a Delta table are
opened only if they may hold a row that the SELECT looks at, by partition values and
statistics; none but its deletion vectors for count(*), min and max of a whole table
where the log says them.`,
		Example: `  dq table query warehouse/gold/daily_revenue
  dq table query warehouse/silver/order_lines@3 'SELECT country, sum(amount) FROM t GROUP BY country' --format json
  dq table query warehouse/gold/fact_sales 'SELECT * FROM t' --format parquet --output fact_sales.parquet`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf(format, rowFormats...); err != nil {
				return err
			}
			if output == "" && (format == "parquet" || format == "arrow") && terminal(a.out) {
				return usagef("--format %s is not for a terminal; write --output FILE.%s", format, format)
			}
			sql := "SELECT * FROM t LIMIT 20"
			if len(args) == 2 {
				sql = args[1]
			}
			d, err := resolve(cmd.Context(), args[0], dataOptions{unread: true})
			if err != nil {
				return err
			}
			return a.withSession(cmd.Context(), func(eng engine.Engine, s engine.Session) error {
				sql, err := d.asked(cmd.Context(), s, eng.Dialect(), sql)
				switch {
				case err != nil:
				case output == "":
					err = writeRows(cmd.Context(), s, sql, format, a.out)
				default:
					err = writeFile(cmd.Context(), s, sql, format, output)
				}
				return d.named(cmd.Context(), s, eng.Dialect(), err)
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "table", "table, json, ndjson, csv, parquet or arrow")
	cmd.Flags().StringVar(&output, "output", "", "write to this file instead of standard output")
	return cmd
}

// named says of an error which table it is about, and which of its files cannot be
// read if the engine does not say.
func (d *data) named(ctx context.Context, s engine.Session, say engine.Dialect, err error) error {
	if err == nil || d.where == nil || codeOf(err) != exitRuntime || strings.Contains(err.Error(), d.dataset.Location+"/") ||
		strings.HasPrefix(err.Error(), fmt.Sprintf("%s: ", d.where)) {
		return err
	}
	if !errors.Is(err, engine.ErrMemory) && !errors.Is(err, engine.ErrNoSpace) {
		if file := d.unreadable(ctx, s, say); file != "" {
			return fmt.Errorf("%s: %s: %w", d.where, file, err)
		}
	}
	return fmt.Errorf("%s: %w", d.where, err)
}

// unreadable is the first file of a Delta table that cannot be read whole, or "".
func (d *data) unreadable(ctx context.Context, s engine.Session, say engine.Dialect) string {
	var all []string
	for _, f := range d.input.Schema.Fields {
		all = append(all, "max(CAST("+say.Ident(f.Name)+" AS VARCHAR))") // statistics do not say that
	}
	for _, f := range d.input.Files {
		in := d.input
		in.Name, in.Files = "suspect", []table.File{f}
		_, err := s.Attach(ctx, in)
		if err == nil {
			_, err = s.Query(ctx, "SELECT "+strings.Join(all, ", ")+" FROM suspect")
		}
		if ctx.Err() != nil {
			return ""
		}
		if err != nil {
			return f.Path
		}
	}
	return ""
}

// asked attaches what a SELECT needs of the data, as t: of a Delta table the files
// that may hold a row that it looks at. When the log knows the whole answer, it
// returns a SELECT of that, which reads no file.
func (d *data) asked(ctx context.Context, s engine.Session, say engine.Dialect, sql string) (string, error) {
	in := d.input
	in.Name = "t"
	if d.broken != nil {
		return "", usagef("%s", d.broken.Message)
	}
	if _, err := s.Attach(ctx, in); err != nil { // of a Delta table, its columns
		if d.where == nil && ctx.Err() == nil {
			return "", usagef("%s", d.cannotRead(in.Name, err).Message)
		}
		return "", err
	}
	plan, err := bindAsked(ctx, s, sql)
	if err != nil {
		return "", err
	}
	if d.snap == nil {
		return sql, nil
	}
	if answer, ok, err := d.known(ctx, plan, s, say); ok || err != nil {
		return answer, err
	}
	if err := d.list(ctx, plan.Where...); err != nil {
		return "", err
	}
	in.Files = d.input.Files
	_, err = s.Attach(ctx, in)
	return sql, err
}

// bindAsked binds a SELECT of a user over t.
func bindAsked(ctx context.Context, s engine.Session, sql string) (engine.Plan, error) {
	plan, err := s.Bind(ctx, sql)
	if be := (*engine.BindError)(nil); errors.As(err, &be) && strings.HasPrefix(be.Message, "Table with name") {
		be.Hint = "the table is called t here, whatever its folder is"
	}
	return plan, usage(err)
}

// known answers numbers of rows and extremes from the statistics in the log, where
// these say them exactly.
func (d *data) known(ctx context.Context, plan engine.Plan, s engine.Session, say engine.Dialect) (sql string, ok bool, err error) {
	var columns, sure []string
	for i, t := range plan.Totals {
		f := plan.Schema.Fields[i]
		text := "NULL"
		switch {
		case t.Of == "count":
			rows, ok := d.snap.Rows()
			if !ok {
				return "", false, nil
			}
			text = say.Literal(strconv.FormatInt(rows, 10))
		case f.Type.Kind == table.Timestamp || f.Type.Kind == table.TimestampNTZ:
			return "", false, nil // partition values have them in several spellings
		default:
			extent, ok, err := d.snap.Extent(t.Column)
			if !ok || err != nil {
				return "", false, err
			}
			if value := map[string]*string{"min": extent.Min, "max": extent.Max}[t.Of]; value != nil {
				text = say.Literal(*value)
			}
		}
		fits, value := say.Fit(text, table.Type{Kind: table.String}, f.Type)
		columns, sure = append(columns, value+" AS "+say.Ident(f.Name)), append(sure, fits)
	}
	if columns == nil {
		return "", false, nil
	}
	if err := d.snap.CheckVectors(ctx); err != nil {
		return "", false, err
	}
	fit, err := s.Query(ctx, "SELECT "+strings.Join(sure, " AND "))
	if err != nil || fit.Values[0][0] != true {
		return "", false, err // no values of the columns' types: the files must say
	}
	return "SELECT " + strings.Join(columns, ", "), true, nil
}

func export(ctx context.Context, s engine.Session, sql string, as engine.Format, path string) error {
	x, ok := s.(engine.Exporter)
	if !ok {
		return usagef("this engine does not write %s; write --format json", as)
	}
	_, err := x.Export(ctx, sql, as, path)
	return err
}

// writeFile writes the rows of a SELECT to a file, which is there whole or not at all.
func writeFile(ctx context.Context, s engine.Session, sql, format, path string) error {
	switch format {
	case "csv", "parquet", "arrow":
		return export(ctx, s, sql, engine.Format(format), path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".dq-")
	if err != nil {
		return fmt.Errorf("--output %s: %w", path, err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	if err := writeRows(ctx, s, sql, format, f); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path) //nolint:forbidigo // no file of a log
}

// writeRows writes the rows of a SELECT in one of the formats of dq table query.
func writeRows(ctx context.Context, s engine.Session, sql, format string, w io.Writer) error {
	switch format {
	case "csv", "parquet", "arrow":
		dir, err := os.MkdirTemp("", "dq-query-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		file := filepath.Join(dir, "rows")
		if err := export(ctx, s, sql, engine.Format(format), file); err != nil {
			return err
		}
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		_, err = io.Copy(w, f)
		return err
	case "table":
		rows, err := s.Query(ctx, sql)
		if err != nil {
			return err
		}
		return printTable(w, rows)
	}
	x, ok := s.(engine.Exporter)
	if !ok {
		return usagef("this engine does not write %s; write --format table", format)
	}
	j := &jsonRows{w: w, lines: format == "ndjson"}
	if err := x.Each(ctx, sql, j.write); err != nil {
		return err
	}
	return j.end()
}

// jsonRows writes rows as objects: an array of them, or one a line.
type jsonRows struct {
	w     io.Writer
	lines bool
	n     int64
}

func (j *jsonRows) write(rows *engine.Rows) error {
	var b bytes.Buffer
	names := make([][]byte, len(rows.Schema.Fields))
	for i, f := range rows.Schema.Fields {
		names[i] = jsonText(f.Name)
	}
	for _, row := range rows.Values {
		switch {
		case j.lines:
		case j.n == 0:
			b.WriteString("[\n ")
		default:
			b.WriteString(",\n ")
		}
		b.WriteByte('{')
		for i, v := range row {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(names[i])
			b.WriteByte(':')
			jsonValue(&b, v, rows.Schema.Fields[i].Type)
		}
		b.WriteByte('}')
		if j.lines {
			b.WriteByte('\n')
		}
		j.n++
	}
	_, err := j.w.Write(b.Bytes())
	return err
}

func (j *jsonRows) end() error {
	text := "\n]\n"
	switch {
	case j.lines:
		return nil
	case j.n == 0:
		text = "[]\n"
	}
	_, err := io.WriteString(j.w, text)
	return err
}

func jsonText(s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a text is always encoded
	return bytes.TrimRight(b.Bytes(), "\n")
}

// jsonValue writes a value as JSON: decimals as numbers in their own digits, times
// as text, NaN and infinities as texts, since JSON has no such numbers.
func jsonValue(b *bytes.Buffer, v any, t table.Type) {
	list := func(open, end byte, n int, item func(i int)) {
		b.WriteByte(open)
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			item(i)
		}
		b.WriteByte(end)
	}
	switch v := v.(type) {
	case engine.Decimal:
		b.WriteString(string(v))
	case time.Time:
		b.Write(jsonText(cell(v, t)))
	case float64:
		switch {
		case math.IsNaN(v):
			b.WriteString(`"NaN"`)
		case math.IsInf(v, 0):
			b.WriteString(map[bool]string{true: `"Infinity"`, false: `"-Infinity"`}[v > 0])
		case t.Kind == table.Float:
			text, _ := json.Marshal(float32(v))
			b.Write(text)
		default:
			text, _ := json.Marshal(v)
			b.Write(text)
		}
	case string:
		b.Write(jsonText(v))
	case []any:
		var elem table.Type
		if t.Elem != nil {
			elem = *t.Elem
		}
		list('[', ']', len(v), func(i int) { jsonValue(b, v[i], elem) })
	case map[string]any:
		if t.Kind == table.Struct {
			list('{', '}', len(t.Fields), func(i int) {
				b.Write(jsonText(t.Fields[i].Name))
				b.WriteByte(':')
				jsonValue(b, v[t.Fields[i].Name], t.Fields[i].Type)
			})
			return
		}
		var elem table.Type
		if t.Elem != nil {
			elem = *t.Elem
		}
		keys := slices.Sorted(maps.Keys(v))
		list('{', '}', len(keys), func(i int) {
			b.Write(jsonText(keys[i]))
			b.WriteByte(':')
			jsonValue(b, v[keys[i]], elem)
		})
	default: // nil, bool, int64, []byte
		text, _ := json.Marshal(v)
		b.Write(text)
	}
}

// printTable writes rows for people.
func printTable(out io.Writer, rows *engine.Rows) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for i, f := range rows.Schema.Fields {
		fmt.Fprint(w, sep(i), plain(f.Name))
	}
	fmt.Fprintln(w)
	for _, row := range rows.Values {
		for i, v := range row {
			fmt.Fprint(w, sep(i), plain(cell(v, rows.Schema.Fields[i].Type)))
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

func sep(i int) string {
	if i == 0 {
		return ""
	}
	return "\t"
}

// plain replaces control characters of a value: none may move the cursor of a
// terminal or part columns.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, s)
}

// cell writes a value for people; times in UTC, dates without a time.
func cell(v any, t table.Type) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case time.Time:
		switch t.Kind {
		case table.Date:
			return v.Format(time.DateOnly)
		case table.TimestampNTZ:
			return v.Format("2006-01-02T15:04:05.999999")
		}
		return v.UTC().Format("2006-01-02T15:04:05.999999Z")
	case []any, map[string]any:
		var b bytes.Buffer
		jsonValue(&b, v, t)
		return b.String()
	}
	return fmt.Sprintf("%v", v)
}
