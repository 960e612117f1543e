package pipeline

import (
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/record"
)

func at(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestFreshness(t *testing.T) {
	day := []time.Time{at("2026-03-01 06:00"), at("2026-03-02 06:00"), at("2026-03-04 06:00")}
	from := at("2026-03-03 00:00")
	for _, c := range []struct {
		promised  string
		published []time.Time
		from      *time.Time
		end       string
		met, of   int64 // hours
		verdict   record.Verdict
		says      string
	}{
		{"48h", day, nil, "2026-03-05 06:00", 96, 96, record.Pass, "never older"},
		{"26h", day, nil, "2026-03-04 07:00", 51, 73, record.Warn, "1 time, for 22h"},
		{"1d", day, nil, "2026-03-06 06:00", 72, 120, record.Warn, "2 times, for 48h"},
		{"26h", day, &from, "2026-03-04 07:00", 9, 31, record.Warn, "for 22h"},
		{"26h", day[:2], &from, "2026-03-03 12:00", 8, 12, record.Warn, "1 time, for 4h0m"},
		{"6h", day[:2], &from, "2026-03-03 12:00", 0, 12, record.Warn, "1 time, for 12h"}, // late since before the period
		{"26h", day[:1], nil, "2026-03-01 06:00", 0, 0, record.Skipped, "no time yet"},
		{"26h", nil, nil, "2026-03-01 06:00", 0, 0, record.Skipped, "no version"},
		{"soon", day, nil, "2026-03-05 06:00", 0, 0, record.Skipped, `"soon" is no duration`},
		{"0d", day, nil, "2026-03-05 06:00", 0, 0, record.Skipped, "no duration"},
	} {
		a := freshness(c.promised, c.published, c.from, at(c.end))
		if a.Met != c.met*3600 || a.Of != c.of*3600 || a.Verdict != c.verdict || !strings.Contains(a.Message, c.says) {
			t.Errorf("%s from %v to %s: %+v", c.promised, c.from, c.end, a)
		}
	}
}

func TestAvailability(t *testing.T) {
	day := []time.Time{at("2026-03-01 06:00"), at("2026-03-02 06:30"), at("2026-03-02 07:30"), at("2026-03-04 06:00")}
	spring := []time.Time{at("2026-03-28 06:30"), at("2026-03-29 06:30"), at("2026-03-30 05:30")} // the clock goes forward on the 29th
	from := at("2026-03-03 00:00")
	for _, c := range []struct {
		promised  string
		published []time.Time
		from      *time.Time
		end       string
		met, of   int64
		verdict   record.Verdict
		says      string
	}{
		{"07:00", day, nil, "2026-03-04 12:00", 4, 4, record.Pass, "4 of 4 days"}, // on the 3rd it is that of the 2nd at 07:30
		{"07:15", day[:2], nil, "2026-03-04 12:00", 2, 4, record.Warn, "2 of 4 days, last missed on 2026-03-04"},
		{"07:00", day, nil, "2026-03-03 06:00", 2, 2, record.Pass, "2 of 2 days"},
		{"07:00", day, &from, "2026-03-04 12:00", 2, 2, record.Pass, "2 of 2 days"},
		{"08:00 Europe/Paris", spring, nil, "2026-03-30 12:00", 2, 3, record.Warn, "last missed on 2026-03-29"},
		{"07:00", day, nil, "2026-03-01 06:30", 0, 0, record.Skipped, "no day"},
		{"07:00", nil, nil, "2026-03-01 06:30", 0, 0, record.Skipped, "no version"},
		{"99%", day, nil, "2026-03-04 12:00", 0, 0, record.Skipped, "no time of the day"},
		{"08:00 Europe/Pariss", day, nil, "2026-03-04 12:00", 0, 0, record.Skipped, "not measured"},
	} {
		a := availability(c.promised, c.published, c.from, at(c.end))
		if a.Met != c.met || a.Of != c.of || a.Verdict != c.verdict || !strings.Contains(a.Message, c.says) {
			t.Errorf("%s from %v to %s: %+v", c.promised, c.from, c.end, a)
		}
	}
}
