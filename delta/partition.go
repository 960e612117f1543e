package delta

import (
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/dq-dev/dq/table"
)

// hasPartitionText reports whether values of a type have a text form, so that a
// column of it can be a partition column.
func hasPartitionText(t table.Type) bool {
	return t.Kind != table.Array && t.Kind != table.Map && t.Kind != table.Struct
}

// isPartitionText reports whether a text is a value of the type as the protocol
// writes it ("Partition Value Serialization"). An engine's cast is laxer: it
// rounds 1.5 to an integer, and knows 0x10, 1_000 and the date infinity.
func isPartitionText(t table.Type, text string) bool {
	switch t.Kind {
	case table.String, table.Binary:
		return true
	case table.Bool:
		return strings.EqualFold(text, "true") || strings.EqualFold(text, "false")
	case table.Int8, table.Int16, table.Int32, table.Int64:
		bits := map[table.Kind]int{table.Int8: 8, table.Int16: 16, table.Int32: 32, table.Int64: 64}[t.Kind]
		_, err := strconv.ParseInt(text, 10, bits)
		return err == nil
	case table.Float, table.Double:
		return isFloatText(text)
	case table.Decimal:
		return isDecimalText(text, t.Precision, t.Scale)
	case table.Date:
		return isDateText(text)
	case table.Timestamp, table.TimestampNTZ:
		return isTimeText(text, t.Kind == table.Timestamp)
	}
	return false // void is null alone
}

// isFloatText: decimal digits with an exponent, NaN and Infinity, as Java prints and
// Spark reads them.
func isFloatText(text string) bool {
	word := strings.ToLower(text)
	if word != "" && (word[0] == '+' || word[0] == '-') {
		word = word[1:]
	}
	if word == "nan" || word == "inf" || word == "infinity" {
		return true
	}
	if strings.Trim(text, "+-.0123456789eE") != "" {
		return false
	}
	_, err := strconv.ParseFloat(text, 64)
	return err == nil
}

// isDecimalText: a number that the precision and the scale hold without rounding.
// Spark prints small ones with an exponent.
func isDecimalText(text string, precision, scale int) bool {
	number, exponent, hasExponent := strings.Cut(strings.ToLower(text), "e")
	shift := 0
	if hasExponent {
		var err error
		if shift, err = strconv.Atoi(exponent); err != nil || shift < -100 || shift > 100 {
			return false
		}
	}
	if !isNumber(number) {
		return false
	}
	value, ok := new(big.Rat).SetString(number)
	if !ok {
		return false
	}
	power := func(n int) *big.Rat {
		return new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil))
	}
	if by := shift + scale; by >= 0 {
		value.Mul(value, power(by))
	} else {
		value.Quo(value, power(-by))
	}
	return value.IsInt() && value.Abs(value).Cmp(power(precision)) < 0
}

// isDateText: year, month and day, of a day that is in the calendar. Years beyond
// 9999 have more digits.
func isDateText(text string) bool {
	year, rest, ok := strings.Cut(text, "-")
	n, err := strconv.ParseUint(year, 10, 32)
	if !ok || err != nil || len(year) < 4 || len(year) > 6 {
		return false
	}
	// The calendar repeats every 400 years.
	like := strconv.FormatUint(2000+n%400, 10)
	_, err = time.Parse(time.DateOnly, like+"-"+rest)
	return err == nil
}

// plainDate takes the plus sign off a year beyond 9999, as Java prints it, and gives
// months and days of dates two digits, which some writers and all readers do without.
func plainDate(t table.Type, text string) string {
	if t.Kind == table.Date {
		parts := strings.Split(text, "-")
		for i := 1; i < len(parts) && len(parts) == 3; i++ {
			if len(parts[i]) == 1 {
				parts[i] = "0" + parts[i]
			}
		}
		text = strings.Join(parts, "-")
	}
	if t.Temporal() && len(text) > 5 && text[0] == '+' && text[5] != '-' {
		return text[1:]
	}
	return text
}

// isTimeText: a date, and perhaps a time with at most microseconds behind a blank
// or a T. Only what is an instant may have a zone: Z or an offset.
func isTimeText(text string, zoned bool) bool {
	at := strings.IndexAny(text, " T")
	if at < 0 {
		return isDateText(text)
	}
	clock := text[at+1:]
	if !isDateText(text[:at]) || strings.Contains(clock, ",") {
		return false
	}
	layouts := []string{"15:04:05"}
	if zoned {
		layouts = append(layouts, "15:04:05Z07:00", "15:04:05-07")
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, clock); err == nil {
			return t.Nanosecond()%1000 == 0
		}
	}
	return false
}
