package table

import (
	"fmt"
	"slices"
)

// The classes of a changed type.
const (
	WideningLossless = "widening_lossless" // every value stays what it is
	WideningLossy    = "widening_lossy"    // every value fits, some not exactly
	Narrowing        = "narrowing"         // some values do not fit
	Incompatible     = "incompatible"      // values mean something else
)

// Who breaks by a change, and what happens to data.
const (
	// Backward: who reads by the new shape breaks on rows of the old one.
	Backward = "backward"
	// Forward: who reads by the old shape breaks on rows of the new one.
	Forward = "forward"

	NoRisk      = "none"
	RewriteRisk = "rewrite" // rows that are there must be written again or mended
	LossRisk    = "loss"    // values are gone, or no longer exact
)

// Change is one typed difference between two shapes of a table.
type Change struct {
	Op   string `json:"op" enum:"ops"`  // one of [Ops]
	Path string `json:"path,omitempty"` // the column, nested ones as a.b, arr.element, map.key, map.value; else see the operation
	From any    `json:"from,omitempty"`
	To   any    `json:"to,omitempty"`
	// Class, of a changed type: widening_lossless, widening_lossy, narrowing,
	// incompatible; of a weakened suite: removed, weakened, changed.
	Class string `json:"class,omitempty"`
	// Breaks names who breaks: backward, forward.
	Breaks []string `json:"breaks,omitempty" enum:"backward,forward"`
	// DataRisk is none, rewrite or loss.
	DataRisk string `json:"data_risk,omitempty" enum:"none,rewrite,loss"`
	Hint     string `json:"hint,omitempty"`
}

// Diff lists what changes from old to next, column by column in the order of
// next, those that are gone last; members of nested types by their path.
//
// A column is the same one when its name is, when both have the same column
// mapping id, or when renamed says so: it maps the path of a column of next to
// the path that it had in old. What is merely renamed otherwise is a drop and an
// addition, with a hint. Cost: a few comparisons a column.
func Diff(old, next Schema, renamed map[string]string) []Change {
	d := &differ{renamed: renamed}
	d.fields(old.Fields, next.Fields, "", "")
	return d.changes
}

type differ struct {
	renamed map[string]string
	changes []Change
}

func (d *differ) add(c Change) { d.changes = append(d.changes, c) }

// fields compares the members of two structs. The prefixes end in a dot, or are empty.
func (d *differ) fields(old, next []Field, oldPrefix, prefix string) {
	from := d.match(old, next, oldPrefix, prefix)
	moved := outOfOrder(from)
	for i, f := range next {
		path := prefix + f.Name
		if from[i] < 0 {
			d.added(f, path)
			continue
		}
		was := old[from[i]]
		if was.Name != f.Name {
			risk := RewriteRisk
			if sameID(was, f) { // the name is not in the files
				risk = NoRisk
			}
			d.add(Change{Op: ColumnRenamed, Path: path, From: oldPrefix + was.Name, To: path, Breaks: []string{Backward, Forward}, DataRisk: risk})
		}
		d.types(was.Type, f.Type, oldPrefix+was.Name, path)
		d.nullability(was.Nullable, f.Nullable, path)
		d.meta(ColumnDefaultChanged, "CURRENT_DEFAULT", was, f, path)
		d.meta(ColumnCommentChanged, "comment", was, f, path)
		if moved[i] {
			d.add(Change{Op: ColumnMoved, Path: path, From: from[i], To: i, DataRisk: NoRisk})
		}
	}
	for i, f := range old {
		if !slices.Contains(from, i) {
			d.dropped(f, oldPrefix+f.Name, old, next, from)
		}
	}
}

// match gives for each column of next which column of old it is, or -1.
func (d *differ) match(old, next []Field, oldPrefix, prefix string) []int {
	from := make([]int, len(next))
	taken := make([]bool, len(old))
	pass := func(same func(was, f Field) bool) {
		for i, f := range next {
			if from[i] >= 0 {
				continue
			}
			for j, was := range old {
				if !taken[j] && same(was, f) {
					from[i], taken[j] = j, true
					break
				}
			}
		}
	}
	for i := range from {
		from[i] = -1
	}
	pass(sameID)
	pass(func(was, f Field) bool { return was.Name == f.Name && !otherID(was, f) })
	pass(func(was, f Field) bool {
		name, ok := d.renamed[prefix+f.Name]
		return ok && name == oldPrefix+was.Name && !otherID(was, f)
	})
	return from
}

const mappingID = "delta.columnMapping.id"

func sameID(a, b Field) bool {
	x, ok1 := a.Meta[mappingID]
	y, ok2 := b.Meta[mappingID]
	return ok1 && ok2 && fmt.Sprint(x) == fmt.Sprint(y)
}

// otherID reports whether both have an id, and not the same: a column that was
// dropped and came back.
func otherID(a, b Field) bool {
	_, ok1 := a.Meta[mappingID]
	_, ok2 := b.Meta[mappingID]
	return ok1 && ok2 && !sameID(a, b)
}

// outOfOrder marks the fewest columns that have to move so that the others keep
// their order: all outside a longest increasing run of old positions.
func outOfOrder(from []int) []bool {
	length := make([]int, len(from)) // of the best run that ends here
	before := make([]int, len(from))
	end := -1
	for i, p := range from {
		if p < 0 {
			continue
		}
		length[i], before[i] = 1, -1
		for j := range i {
			if from[j] >= 0 && from[j] < p && length[j] >= length[i] {
				length[i], before[i] = length[j]+1, j
			}
		}
		if end < 0 || length[i] > length[end] {
			end = i
		}
	}
	moved := make([]bool, len(from))
	for i, p := range from {
		moved[i] = p >= 0
	}
	for ; end >= 0; end = before[end] {
		moved[end] = false
	}
	return moved
}

func (d *differ) added(f Field, path string) {
	c := Change{Op: ColumnAdded, Path: path, To: f.Type.String(), DataRisk: NoRisk}
	if !f.Nullable {
		c.Breaks, c.DataRisk = []string{Backward}, RewriteRisk
		c.Hint = "rows that are there have no value for it: make it nullable, or write them again"
	}
	d.add(c)
}

func (d *differ) dropped(f Field, path string, old, next []Field, from []int) {
	c := Change{Op: ColumnDropped, Path: path, From: f.Type.String(), Breaks: []string{Forward}, DataRisk: LossRisk}
	// One new column of the type in its place, or one alone, looks like a rename.
	var same []string
	for i, n := range next {
		if from[i] < 0 && n.Type.Equal(f.Type) {
			same = append(same, n.Name)
		}
	}
	if len(same) == 1 {
		c.Hint = fmt.Sprintf("if %s is the new name of %s, say renamed_from: %s at it", same[0], f.Name, f.Name)
	}
	d.add(c)
}

func (d *differ) nullability(was, is bool, path string) {
	switch {
	case was && !is:
		d.add(Change{Op: ColumnNullabilityChanged, Path: path, From: was, To: is, Breaks: []string{Backward}, DataRisk: RewriteRisk,
			Hint: "rows that are there may hold nulls"})
	case !was && is:
		d.add(Change{Op: ColumnNullabilityChanged, Path: path, From: was, To: is, Breaks: []string{Forward}, DataRisk: NoRisk})
	}
}

func (d *differ) meta(op, key string, was, is Field, path string) {
	if a, b := was.Meta[key], is.Meta[key]; fmt.Sprint(a) != fmt.Sprint(b) {
		d.add(Change{Op: op, Path: path, From: a, To: b, DataRisk: NoRisk})
	}
}

// types compares two types, going into nested ones of the same kind.
func (d *differ) types(old, next Type, oldPath, path string) {
	if old.Kind == next.Kind {
		switch old.Kind {
		case Struct:
			d.fields(old.Fields, next.Fields, oldPath+".", path+".")
			return
		case Array:
			d.types(*old.Elem, *next.Elem, oldPath+".element", path+".element")
			d.nullability(old.ElemNullable, next.ElemNullable, path+".element")
			return
		case Map:
			d.types(*old.Key, *next.Key, oldPath+".key", path+".key")
			d.types(*old.Elem, *next.Elem, oldPath+".value", path+".value")
			d.nullability(old.ElemNullable, next.ElemNullable, path+".value")
			return
		}
	}
	if old.Equal(next) {
		return
	}
	c := Change{Op: ColumnTypeChanged, Path: path, From: old.String(), To: next.String(), Class: classify(old, next)}
	switch c.Class {
	case WideningLossless:
		c.Breaks, c.DataRisk = []string{Forward}, RewriteRisk
	case WideningLossy:
		c.Breaks, c.DataRisk = []string{Forward}, LossRisk
	case Narrowing:
		c.Breaks, c.DataRisk = []string{Backward}, LossRisk
	default:
		c.Breaks, c.DataRisk = []string{Backward, Forward}, LossRisk
	}
	d.add(c)
}

// digits is how many decimal digits the integers of a type have at most, and
// bits how many of them a binary float of that size holds exactly.
var (
	digits    = map[Kind]int{Int8: 3, Int16: 5, Int32: 10, Int64: 19}
	intSize   = map[Kind]int{Int8: 8, Int16: 16, Int32: 32, Int64: 64}
	floatBits = map[Kind]int{Float: 24, Double: 53}
)

// classify says what becomes of values when a column changes its type.
func classify(old, next Type) string {
	switch {
	case old.Kind == Void:
		return WideningLossless
	case old.Integer() && next.Integer():
		return either(intSize[next.Kind] > intSize[old.Kind], WideningLossless, Narrowing)
	case old.Integer() && floatBits[next.Kind] > 0:
		return either(intSize[old.Kind] <= floatBits[next.Kind], WideningLossless, WideningLossy)
	case old.Integer() && next.Kind == Decimal:
		return either(next.Precision-next.Scale >= digits[old.Kind], WideningLossless, Narrowing)
	case old.Kind == Float && next.Kind == Double:
		return WideningLossless
	case old.Kind == Decimal && next.Kind == Decimal:
		fits := next.Scale >= old.Scale && next.Precision-next.Scale >= old.Precision-old.Scale
		return either(fits, WideningLossless, Narrowing)
	case old.Kind == Decimal && floatBits[next.Kind] > 0:
		return WideningLossy
	case old.Numeric() && next.Numeric():
		return Narrowing
	case old.Kind == Date && next.Kind == TimestampNTZ:
		return WideningLossless
	case old.Kind == Date && next.Kind == Timestamp: // midnight UTC, which the date did not say
		return WideningLossy
	case old.Temporal() && next.Kind == Date:
		return Narrowing
	}
	return Incompatible
}

func either(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}
