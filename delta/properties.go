package delta

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SetProperties sets table properties, besides those that stay. Features of the
// protocol that they need are switched on with them, and no others; none is
// switched off. With delta.columnMapping.mode=name, columns can be renamed and
// dropped from then on without a look at the data files.
//
// Mistakes, reported by [Txn.Commit]: *[Error] with [ErrInvalid] for a value that
// is none for the property, for mapping that would be switched off or by id, and
// for what is not set so (constraints: [Txn.AddConstraint]); with [ErrUnsupported]
// for a property that this package cannot uphold.
func (x *Txn) SetProperties(props map[string]string) {
	if x.open("set properties") {
		for k, v := range props {
			x.setProperty(k, &v)
		}
	}
}

// UnsetProperties takes properties away; what they are by default counts again.
// One that is not set is no change. Constraints go by [Txn.DropConstraint].
func (x *Txn) UnsetProperties(keys ...string) {
	if x.open("unset properties") {
		for _, k := range keys {
			x.setProperty(k, nil)
		}
	}
}

func (x *Txn) setProperty(key string, value *string) {
	switch {
	case strings.HasPrefix(key, constraintPrefix):
		x.fail(invalid("property %s: constraints are added and dropped by name", key))
	case value == nil && key == mappingMode:
		x.fail(invalid("property %s: column mapping cannot be switched off", key))
	case key == maxColumnID || strings.HasPrefix(key, ictEnablement):
		x.fail(invalid("property %s is kept by the table itself", key))
	default:
		x.put(key, value)
	}
}

func (x *Txn) put(key string, value *string) {
	if x.set == nil {
		x.set = map[string]*string{}
	}
	x.set[key] = value
}

// AddConstraint adds a CHECK constraint: rows must make the SQL expression true;
// null is not enough. Names are equal whatever their case. The rows that are in
// the table already are not looked at: check them first, on the snapshot that this
// commit follows, since any rows that come meanwhile are a conflict. From then on
// only writers that say so ([Txn.Upholds]) may add rows.
//
// Mistakes of [Txn.Commit], *[Error] with [ErrInvalid]: an empty name or
// expression, or a name that is taken by another expression.
func (x *Txn) AddConstraint(name, expression string) {
	if !x.open("add constraint") {
		return
	}
	key := constraintPrefix + strings.ToLower(name)
	if name == "" || strings.TrimSpace(expression) == "" {
		x.fail(invalid("add constraint: %q as %q has no name or no expression", name, expression))
		return
	}
	if old, ok := x.constraint(name); ok && old != expression {
		x.fail(invalid("add constraint: %s is there already, as %s; drop it first", name, old))
		return
	}
	x.put(key, &expression)
	x.prepared.Whole = true
}

// DropConstraint drops a CHECK constraint. One that is not there is an *[Error]
// with [ErrInvalid] of [Txn.Commit].
func (x *Txn) DropConstraint(name string) {
	if !x.open("drop constraint") {
		return
	}
	if _, ok := x.constraint(name); !ok {
		x.fail(invalid("drop constraint: the table has no constraint %s", name))
		return
	}
	x.put(constraintPrefix+strings.ToLower(name), nil)
	if x.base == nil {
		return
	}
	for k := range x.base.state.metaData.Configuration { // other writers keep the case
		if strings.EqualFold(k, constraintPrefix+name) {
			x.put(k, nil)
		}
	}
}

// constraint finds a constraint as the commit has it so far.
func (x *Txn) constraint(name string) (string, bool) {
	key := constraintPrefix + strings.ToLower(name)
	if v, ok := x.set[key]; ok {
		if v == nil {
			return "", false
		}
		return *v, true
	}
	if x.base != nil {
		for k, v := range x.base.state.metaData.Configuration {
			if strings.EqualFold(k, key) {
				return v, true
			}
		}
	}
	return "", false
}

// Upholds says that whoever wrote the files of [Txn.Add] and [Txn.Rearrange] has
// seen to these features of the table in them, which this package cannot check,
// since it never sees a row:
//
//   - columnMapping: columns have their physical names, and field ids, in files;
//   - checkConstraints, invariants: every row obeys them;
//   - generatedColumns: values are those of the expressions;
//   - allowColumnDefaults: columns that rows came without have their defaults;
//   - rowTracking: all rows are new, or have the ids that they had in the columns for
//     that; new rows get theirs from the commit;
//   - identityColumns: values are given out by the rules, and the mark is moved.
//
// A commit that adds rows to a table that uses one of them without saying so is an
// *[Error] with [ErrUnsupported]. Any other name is one with [ErrInvalid].
func (x *Txn) Upholds(features ...string) {
	if !x.open("upholds") {
		return
	}
	for _, f := range features {
		if !slices.Contains(upholdable, f) {
			x.fail(invalid("upholds: %q is none of %s", f, strings.Join(upholdable, ", ")))
			continue
		}
		x.prepared.Upholds = append(x.prepared.Upholds, f)
	}
}

const (
	mappingMode   = "delta.columnMapping.mode"
	maxColumnID   = "delta.columnMapping.maxColumnId"
	ictProperty   = "delta.enableInCommitTimestamps"
	ictEnablement = "delta.inCommitTimestampEnablement" // Version and Timestamp
)

// configured is old with what the commit sets and unsets.
func (x *Txn) configured(old map[string]string) map[string]string {
	props := maps.Clone(old)
	if props == nil {
		props = map[string]string{}
	}
	for _, k := range sortedKeys(x.set) {
		v := x.set[k]
		if v == nil {
			delete(props, k)
			continue
		}
		if err := checkProperty(k, *v); err != nil {
			x.fail(err)
		}
		props[k] = *v
	}
	if props[ictProperty] != "true" {
		delete(props, ictEnablement+"Version")
		delete(props, ictEnablement+"Timestamp")
	}
	return props
}

// checkProperty reports why a property cannot have a value.
func checkProperty(key, value string) error {
	bad := func(want string) error { return invalid("property %s: %q is not %s", key, value, want) }
	oneOf := func(values ...string) error {
		if slices.Contains(values, value) {
			return nil
		}
		return bad(strings.Join(values, " or "))
	}
	switch key {
	case "delta.enableRowTracking":
		if value != "false" {
			return &Error{Category: UnsupportedFeature, Problem: fmt.Sprintf("the property %s=%s cannot be set by this program, which begins no ids", key, value),
				Hint: "set it with Spark; it is upheld from then on"}
		}
	case "delta.enableIcebergCompatV1", "delta.enableIcebergCompatV2", "delta.enableIcebergCompatV3":
		if value != "false" {
			return &Error{Category: UnsupportedFeature, Problem: fmt.Sprintf("the property %s=%s needs what this program does not uphold when it writes", key, value)}
		}
	case "delta.enableDeletionVectors", "delta.enableChangeDataFeed", "delta.enableTypeWidening", "delta.appendOnly",
		"delta.enableExpiredLogCleanup", ictProperty:
		return oneOf("true", "false")
	case mappingMode:
		return oneOf("none", "name", "id")
	case "delta.checkpointPolicy":
		return oneOf("classic", "v2")
	case "delta.isolationLevel":
		return oneOf("Serializable", "WriteSerializable")
	case "delta.checkpointInterval":
		if n, err := strconv.Atoi(value); err != nil || n < 1 {
			return bad("a number from 1")
		}
	case "delta.dataSkippingNumIndexedCols":
		if n, err := strconv.Atoi(value); err != nil || n < -1 {
			return bad("a number from -1")
		}
	case "delta.deletedFileRetentionDuration", "delta.logRetentionDuration":
		if _, ok := parseInterval(value); !ok {
			return bad(`an interval like "interval 7 days"`)
		}
	case "delta.minReaderVersion", "delta.minWriterVersion":
		return &Error{Category: UnsupportedFeature, Problem: fmt.Sprintf("the property %s cannot be set: the protocol follows from what is used", key)}
	}
	if strings.HasPrefix(key, "delta.feature.") {
		return &Error{Category: UnsupportedFeature, Problem: fmt.Sprintf("the property %s cannot be set: the protocol follows from what is used", key)}
	}
	return nil
}

// parseInterval reads "interval 7 days" or "7 days". Months and years have no
// length of their own and are none.
func parseInterval(text string) (time.Duration, bool) {
	const day = 24 * time.Hour
	f := strings.Fields(strings.ToLower(text))
	if len(f) > 0 && f[0] == "interval" {
		f = f[1:]
	}
	if len(f) != 2 {
		return 0, false
	}
	n, err := strconv.ParseInt(f[0], 10, 64)
	unit, ok := map[string]time.Duration{"week": 7 * day, "day": day, "hour": time.Hour, "minute": time.Minute,
		"second": time.Second, "millisecond": time.Millisecond}[strings.TrimSuffix(f[1], "s")]
	if err != nil || !ok || n < 0 || n > int64(200*365*day/unit) {
		return 0, false
	}
	return time.Duration(n) * unit, true
}

// tombstoneRetention is how long removed files stay in checkpoints, for vacuum
// and for readers that are still at them.
func tombstoneRetention(props map[string]string) time.Duration {
	if d, ok := parseInterval(props["delta.deletedFileRetentionDuration"]); ok {
		return d
	}
	return 7 * 24 * time.Hour
}
