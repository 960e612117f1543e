package profiling

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dq-dev/dq/record"
)

func TestSuspects(t *testing.T) {
	for _, c := range []struct{ values, want string }{
		{"a@example.com b@example.org nobody none", "email 50%"},
		{"+46-70-123-45-67 +1(555)123-4567", "phone 100%"},
		{"GB82WEST12345698765432 DE89370400440532013000 GB00WEST12345698765432", "iban 67%"},
		{"4111111111111111 5500-0000-0000-0004 4111111111111112", "card 67%"},
		{"a@example.com 4111111111111111", "email 50%, card 50%"},
		{"2011-01-31 12345678 22423 WHITE-HANGING-HEART a@b", ""},
		{"", ""},
	} {
		column := record.ColumnProfile{Type: "string"}
		for _, v := range strings.Fields(c.values) {
			column.Top = append(column.Top, record.ValueCount{Value: v, Count: 2})
		}
		if got := text(Suspects(column)); got != c.want {
			t.Errorf("%s: %s, want %s", c.values, got, c.want)
		}
	}
	for ends, want := range map[[2]string]string{{"a@example.com", "z@example.com"}: "email 100%", {"a@example.com", "z"}: ""} {
		if got := text(Suspects(record.ColumnProfile{Type: "string", Min: ends[0], Max: ends[1]})); got != want {
			t.Errorf("%v: %s, want %s", ends, got, want)
		}
	}
	if got := Suspects(record.ColumnProfile{Type: "int64", Min: "4111111111111111", Max: "4111111111111111"}); got != nil {
		t.Errorf("a number: %v", got)
	}
}

func text(suspects []Suspect) string {
	var out []string
	for _, s := range suspects {
		out = append(out, fmt.Sprintf("%s %.0f%%", s.Kind, 100*s.Ratio))
	}
	return strings.Join(out, ", ")
}
