package reports

// span is a piece of a cell in one style; spans stand below each other.
type span struct {
	style style
	text  string
}

// field is a cell of a table: text, and perhaps a drawing below it.
type field struct {
	spans  []span
	height float64 // of the drawing
	draw   func(x, y, width float64)
}

// lane is a column of a table.
type lane struct {
	head  string
	width float64 // millimetres
	right bool
}

func plain(text string) field { return field{spans: []span{{small, text}}} }

func bold(text string) field { return field{spans: []span{{smallBold, text}}} }

func (f field) then(s style, text string) field {
	if text != "" {
		f.spans = append(f.spans, span{s, text})
	}
	return f
}

const (
	cellGap   = 2.0 // between columns
	rowGap    = 1.1 // above and below the text of a row
	cellLines = 9   // of a span, at most
)

// grid writes a table over as many pages as it takes; its head stands on each.
// A row is never broken.
func (d *doc) grid(lanes []lane, rows [][]field) {
	if len(rows) == 0 {
		return
	}
	d.space(1)
	counted := d.replaced
	_, first := d.lay(lanes, rows[0])
	d.replaced = counted                   // it is laid out again below
	d.need(columnStyle.line() + 2 + first) // a head never stands alone
	d.gridHead(lanes)
	for _, row := range rows {
		d.gridRow(lanes, row)
	}
	d.space(2)
}

// placed is a span broken into lines.
type placed struct {
	style style
	lines []string
}

// lay breaks the cells of a row into lines and gives its height.
func (d *doc) lay(lanes []lane, row []field) ([][]placed, float64) {
	cells := make([][]placed, len(row))
	height := 0.0
	for i, f := range row {
		h := f.height
		for _, s := range f.spans {
			lines := d.wrap(s.style, s.text, lanes[i].width-cellGap, cellLines)
			cells[i] = append(cells[i], placed{s.style, lines})
			h += float64(len(lines)) * s.style.line()
		}
		height = max(height, h)
	}
	return cells, height + 2*rowGap
}

func (d *doc) gridHead(lanes []lane) {
	x := pageLeft
	for _, l := range lanes {
		text := d.fit(columnStyle, clean(l.head, maxName), l.width-cellGap/2)
		if l.right {
			d.put(x+l.width-cellGap-d.width(columnStyle, text), d.y, columnStyle, text)
		} else {
			d.put(x, d.y, columnStyle, text)
		}
		x += l.width
	}
	d.y += columnStyle.line() + 0.8
	d.pdf.SetDrawColor(soft[0], soft[1], soft[2])
	d.pdf.SetLineWidth(0.2)
	d.pdf.Line(pageLeft, d.y, x-cellGap, d.y)
}

func (d *doc) gridRow(lanes []lane, row []field) {
	cells, height := d.lay(lanes, row)
	if d.y+height > pageBottom {
		d.page()
		d.gridHead(lanes)
	}
	x, wide := pageLeft, 0.0
	for i, f := range row {
		y := d.y + rowGap
		for _, p := range cells[i] {
			for _, line := range p.lines {
				if lanes[i].right {
					d.put(x+lanes[i].width-cellGap-d.width(p.style, line), y, p.style, line)
				} else {
					d.put(x, y, p.style, line)
				}
				y += p.style.line()
			}
		}
		if f.draw != nil {
			f.draw(x, y, lanes[i].width-cellGap)
		}
		x += lanes[i].width
	}
	for _, l := range lanes {
		wide += l.width
	}
	d.y += height
	d.rule(d.y, pageLeft, wide-cellGap)
}

// rows writes example rows; columns are as wide as their values, within reason.
func (d *doc) rows(s sample) {
	if len(s.rows) == 0 {
		return
	}
	lanes := make([]lane, len(s.columns))
	total := 0.0
	for i, name := range s.columns {
		lanes[i].head = name
		wide := d.measure(columnStyle, clean(name, 40))
		for _, row := range s.rows {
			wide = max(wide, d.measure(small, row[i].text))
		}
		lanes[i].width = min(max(wide, 8), 46) + cellGap + 1
		total += lanes[i].width
	}
	if total > textWidth {
		for i := range lanes {
			lanes[i].width *= textWidth / total
		}
	}
	grid := make([][]field, len(s.rows))
	for r, row := range s.rows {
		for _, c := range row {
			st := small
			if c.quiet {
				st = smallSoft
			}
			grid[r] = append(grid[r], field{spans: []span{{st, c.text}}})
		}
	}
	d.grid(lanes, grid)
	if s.left > 0 {
		d.para(smallSoft, plural(int64(s.left), "more column")+" in the run record.", 0)
	}
}
