package draw

import (
	"bytes"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/dq-dev/dq/lineage"
	"github.com/dq-dev/dq/record"
)

var update = flag.Bool("update", false, "rewrite the drawings in testdata")

// graph has a name of every kind that a format must escape, and a circle.
func graph() *record.Graph {
	g := &record.Graph{}
	source := func(table, column, typ, subtype string) lineage.Source {
		return lineage.Source{Table: table, Column: column, Type: typ, Subtype: subtype}
	}
	odd := "silver.a\"b<c>&|`#\x1b[31m\n"
	lineage.Add(g, "data/*.csv", "source", &lineage.Statement{Status: lineage.Exact, Columns: []lineage.Column{{Name: "x"}}})
	lineage.Add(g, "bronze.t", "bronze", &lineage.Statement{Status: lineage.Exact, Columns: []lineage.Column{{Name: "x", Sources: []lineage.Source{source("data/*.csv", "x", lineage.Direct, lineage.Identity)}}}})
	lineage.Add(g, odd, "silver", &lineage.Statement{Status: lineage.Exact,
		Columns: []lineage.Column{{Name: "y", Sources: []lineage.Source{source("bronze.t", "x", lineage.Direct, lineage.Aggregation), {Table: "bronze.t", Column: "x", Type: lineage.Indirect, Subtype: lineage.Conditional, Masking: true}, source(odd, "y", lineage.Direct, lineage.Identity)}}}})
	lineage.Add(g, "gold.u", "gold", &lineage.Statement{Status: lineage.Exact, Columns: []lineage.Column{{Name: "z", Sources: []lineage.Source{source(odd, "y", lineage.Direct, lineage.Transformation)}}},
		Dataset: []lineage.Source{source("bronze.t", "x", lineage.Indirect, lineage.GroupBy)}})
	return g
}

func TestDrawings(t *testing.T) {
	for name, write := range map[string]func(io.Writer) error{
		"tables.dot":  func(w io.Writer) error { return DOT(w, graph(), false) },
		"columns.dot": func(w io.Writer) error { return DOT(w, graph(), true) },
		"tables.mmd":  func(w io.Writer) error { return Mermaid(w, graph(), false) },
		"columns.mmd": func(w io.Writer) error { return Mermaid(w, graph(), true) },
		"tables.svg":  func(w io.Writer) error { return SVG(w, graph(), false) },
		"columns.svg": func(w io.Writer) error { return SVG(w, graph(), true) },
		"table.txt":   func(w io.Writer) error { return Tree(w, graph(), "bronze.t", "") },
		"column.txt":  func(w io.Writer) error { return Tree(w, graph(), "bronze.t", "x") },
		"empty.svg":   func(w io.Writer) error { return SVG(w, &record.Graph{}, false) },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil || !bytes.Equal(b.Bytes(), want) {
				t.Errorf("%v: got\n%s\nwant\n%s", err, b.String(), want)
			}
			if bytes.ContainsRune(b.Bytes(), 0x1b) {
				t.Error("a control character went through")
			}
			if filepath.Ext(name) == ".svg" {
				d := xml.NewDecoder(&b)
				for {
					if _, err := d.Token(); err == io.EOF {
						break
					} else if err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

// In a drawing every arrow but those of circles goes to the right.
func TestRanks(t *testing.T) {
	g := &record.Graph{}
	for i := range 60 {
		var from []lineage.Source
		for j := range i {
			if (i*7+j*3)%11 == 0 {
				from = append(from, lineage.Source{Table: fmt.Sprint("t", j), Column: "x", Type: lineage.Direct, Subtype: lineage.Identity})
			}
		}
		lineage.Add(g, fmt.Sprint("t", i), "", &lineage.Statement{Columns: []lineage.Column{{Name: "x", Sources: from}}})
	}
	p := newPicture(g, false)
	at, n := map[int]int{}, 0
	for i, rank := range p.ranks() {
		for _, node := range rank {
			at[node] = i
			n++
		}
	}
	if n != len(p.nodes) || len(p.links) == 0 {
		t.Fatalf("%d nodes of %d, %d arrows", n, len(p.nodes), len(p.links))
	}
	for _, l := range p.links {
		if at[l.from] >= at[l.to] {
			t.Errorf("%s > %s goes from %d to %d", p.nodes[l.from].name, p.nodes[l.to].name, at[l.from], at[l.to])
		}
	}
}
