package operations_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/operations"
)

func TestAlter(t *testing.T) {
	ctx := context.Background()
	tb := open(t)
	must := func(_ operations.Result, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	fails := func(want string, is error, _ operations.Result, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, is) {
			t.Fatalf("want %q (%v), got %v", want, is, err)
		}
	}
	must(tb.Append(ctx, values("(1, 'a', 10)", "(2, 'b', 20)"), operations.Write{}))

	// Constraints: of the rows that are there, and of those that come.
	res, err := tb.Alter(ctx, operations.Alteration{AddConstraints: map[string]string{"small": "amount < 15"}})
	fails("1 row breaks the constraint small", delta.ErrInvalid, res, err)
	res, err = tb.Alter(ctx, operations.Alteration{AddConstraints: map[string]string{"odd": "amount % 2 = 1"}})
	fails("% means the same", delta.ErrUnsupported, res, err)
	must(tb.Alter(ctx, operations.Alteration{AddConstraints: map[string]string{"positive": "amount > 0 AND part IN ('a', 'b')"}}))
	res, err = tb.Append(ctx, values("(3, 'a', -1)"), operations.Write{})
	fails("1 row breaks the constraint positive", delta.ErrInvalid, res, err)
	res, err = tb.Append(ctx, "SELECT 3 AS id, 'a' AS part", operations.Write{}) // null is not true
	fails("constraint positive", delta.ErrInvalid, res, err)
	res, err = tb.Update(ctx, map[string]string{"amount": "-amount"}, "id = 1")
	fails("constraint positive", delta.ErrInvalid, res, err)
	must(tb.Append(ctx, values("(3, 'a', 30)"), operations.Write{}))
	noStrays(t, tb)

	// Names: files keep theirs, readers and writers go by the new ones.
	res, err = tb.Alter(ctx, operations.Alteration{RenameColumns: map[string]string{"id": "key"}})
	fails("delta.columnMapping.mode", delta.ErrInvalid, res, err)
	must(tb.Alter(ctx, operations.Alteration{Set: map[string]string{"delta.columnMapping.mode": "name"}, RenameColumns: map[string]string{"id": "key"}}))
	must(tb.Append(ctx, "SELECT 4 AS key, 'b' AS part, 40 AS amount", operations.Write{}))
	must(tb.Merge(ctx, "SELECT 1 AS key, 'a' AS part, 11 AS amount", operations.Merge{On: []string{"key"}}))
	must(tb.Delete(ctx, "key = 2"))
	must(tb.Optimize(ctx, 0))
	if got, want := rows(t, tb), []string{"1 a 11", "3 a 30", "4 b 40"}; !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
	res, err = tb.Append(ctx, "SELECT 5 AS key, 'a' AS part, 1 AS amount, 'x' AS note", operations.Write{MergeSchema: true})
	fails("maps its columns", delta.ErrUnsupported, res, err)
	res, err = tb.Alter(ctx, operations.Alteration{DropColumns: []string{"part"}})
	fails("part", delta.ErrInvalid, res, err) // the constraint uses it
	must(tb.Alter(ctx, operations.Alteration{DropConstraints: []string{"positive"}}))
	must(tb.Alter(ctx, operations.Alteration{DropColumns: []string{"part"}}))
	if got, want := rows(t, tb), []string{"1 11", "3 30", "4 40"}; !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}

	// The change feed, from where it was switched on.
	must(tb.Alter(ctx, operations.Alteration{Set: map[string]string{"delta.enableChangeDataFeed": "true"}}))
	must(tb.Update(ctx, map[string]string{"amount": "amount + 1"}, "key = 3"))
	s, err := tb.Delta.Snapshot(ctx, delta.Latest())
	if err != nil {
		t.Fatal(err)
	}
	if err := tb.Changes(ctx, "feed", s.Version(), s.Version()); err != nil {
		t.Fatal(err)
	}
	answer, err := tb.Session.Query(ctx, "SELECT key, amount, _change_type FROM feed ORDER BY amount")
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Values) != 2 || answer.Values[0][2] != "update_preimage" || answer.Values[1][2] != "update_postimage" {
		t.Errorf("%v", answer.Values)
	}
}
