// Package expectations checks tables against suites: YAML files that say what
// must hold of a table's rows and numbers, in CEL.
//
// A suite is loaded ([Load]), compiled for a table's columns ([Suite.Plan]),
// and judged on relations of an engine ([Plan.Audit]). Everything that is wrong
// with a suite is found by the first two, before data is read: errors are
// [yamlpos.Errors] with file:line:col, the piece of text and the nearest right
// name.
//
//	suite, err := expectations.Load("suites/silver/orders.yaml", expectations.Options{})
//	plan, err := suite.Plan(schema, refs)
//	result, err := plan.Audit(ctx, session, target)
//	if result.Close {
//		// nothing is published; result.Check says why
//	}
//
// A row expectation is a CEL predicate on one row. A row passes only when it is
// true: false fails, an error or null is counted apart, and both are bad. A table
// expectation is a CEL predicate over aggregates. A kind ([Kind]) is a named CEL
// template with parameters, read from a YAML file that is its documentation and
// its test at once; [Kinds] lists them.
//
// Rules that look at nothing but their own row ([Plan.RowRules]) are judged once
// for each data file: their counts are kept by file and rule digest, and given
// back as [Target.Known]. All others see the table as readers would.
//
// Rows that a quarantine or drop rule refuses are split off while they are
// written ([Plan.Split]) and labelled afterwards ([Plan.Reasons]).
//
// The suite's own tests run on the reference evaluator, without engine and table
// ([Suite.Test]).
package expectations
