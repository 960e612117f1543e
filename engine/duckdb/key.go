package duckdb

import "strings"

// SurrogateKey is the first 15 hex digits of the md5 of the columns' texts,
// joined by the unit separator, as a BIGINT. Null columns count as no text.
func (dialect) SurrogateKey(columns []string) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = "coalesce(CAST(" + ident(c) + " AS VARCHAR), '')"
	}
	return "CAST('0x' || left(md5(concat_ws(chr(31), " + strings.Join(parts, ", ") + ")), 15) AS BIGINT)"
}
