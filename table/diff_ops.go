package table

import "slices"

// The operations of a [Change]: a closed set. [Diff] finds those on columns that
// schemas hold; the others need what is declared about a table and its columns.
// Breaks and DataRisk say who is hurt; where an operation says nothing of them,
// nobody is.
const (
	TableCreated = "table_created"
	TableDropped = "table_dropped" // breaks backward, loses
	TableRenamed = "table_renamed" // From, To: the names; breaks both

	ColumnAdded                 = "column_added"                  // To: the type
	ColumnDropped               = "column_dropped"                // From: the type
	ColumnRenamed               = "column_renamed"                // From, To: the paths; Path is the new one
	ColumnTypeChanged           = "column_type_changed"           // From, To: the types; Class
	ColumnNullabilityChanged    = "column_nullability_changed"    // From, To: nullable, as bool
	ColumnMoved                 = "column_moved"                  // From, To: the positions among all, from 0
	ColumnDefaultChanged        = "column_default_changed"        // From, To: the SQL, nil for none
	ColumnCommentChanged        = "column_comment_changed"        // From, To: the text, nil for none
	ColumnTagsChanged           = "column_tags_changed"           // From, To: the tags, a map of names to values
	ColumnClassificationChanged = "column_classification_changed" // From, To: the class, nil for none
	ColumnDeprecated            = "column_deprecated"             // From, To: the date since when, nil for not at all

	PrimaryKeyChanged   = "primary_key_changed"  // From, To: lists of columns
	SCDChanged          = "scd_changed"          // From, To: {keys, tracked}, nil for no history
	PartitioningChanged = "partitioning_changed" // From, To: lists of columns
	ClusteringChanged   = "clustering_changed"   // From, To: lists of columns
	ConstraintAdded     = "constraint_added"     // Path: its name; To: the expression
	ConstraintDropped   = "constraint_dropped"   // Path: its name; From: the expression
	ConstraintChanged   = "constraint_changed"   // Path: its name; From, To: the expressions
	PropertyChanged     = "property_changed"     // Path: its name; From, To: the values, nil for unset
	ProtocolChanged     = "protocol_changed"     // From, To: {reader, writer, features}

	OwnerChanged           = "owner_changed"            // From, To: the names, nil for none
	SLAChanged             = "sla_changed"              // Path: freshness, availability; From, To: the text, nil for none
	RetentionChanged       = "retention_changed"        // From, To: days, nil for no limit
	ContractVersionChanged = "contract_version_changed" // From, To: the versions, nil for none
	CompatibilityChanged   = "compatibility_changed"    // From, To: what the contract promises, nil for nothing
	SunsetChanged          = "sunset_changed"           // Path: the version, such as 1.x; From, To: the last day, nil for none
	SuiteWeakened          = "suite_weakened"           // Path: the expectation; Class: removed, weakened, changed, unknown; From, To: what it demands
)

// Ops lists all operations.
var Ops = []string{
	TableCreated, TableDropped, TableRenamed,
	ColumnAdded, ColumnDropped, ColumnRenamed, ColumnTypeChanged, ColumnNullabilityChanged, ColumnMoved, ColumnDefaultChanged,
	ColumnCommentChanged, ColumnTagsChanged, ColumnClassificationChanged, ColumnDeprecated,
	PrimaryKeyChanged, SCDChanged, PartitioningChanged, ClusteringChanged, ConstraintAdded, ConstraintDropped, ConstraintChanged,
	PropertyChanged, ProtocolChanged,
	OwnerChanged, SLAChanged, RetentionChanged, ContractVersionChanged, CompatibilityChanged, SunsetChanged, SuiteWeakened,
}

// KnownOp reports whether op is one of [Ops].
func KnownOp(op string) bool { return slices.Contains(Ops, op) }

// The classes of a weakened suite.
const (
	RuleRemoved  = "removed"  // the expectation is gone
	RuleWeakened = "weakened" // it demands less, or its failing costs less
	RuleChanged  = "changed"  // it demands something else; that it is no less cannot be told
	RuleUnknown  = "unknown"  // what any demanded before is not known; Path is "", From the file that is gone
)
