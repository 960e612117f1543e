package reports

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/dq-dev/dq/record"
)

// maxBins is how many bars a histogram is drawn with; finer ones are merged.
const maxBins = 40

// bars gives the heights of a histogram's bars as shares of the highest, 0 to 1.
// A bin that is not empty is never drawn as empty.
func bars(h *record.Histogram) []float64 {
	counts := h.Counts
	if merge := (len(counts) + maxBins - 1) / maxBins; merge > 1 {
		merged := make([]int64, (len(counts)+merge-1)/merge)
		for i, n := range counts {
			merged[i/merge] += n
		}
		counts = merged
	}
	var top int64
	for _, n := range counts {
		top = max(top, n)
	}
	shares := make([]float64, len(counts))
	for i, n := range counts {
		if n > 0 {
			shares[i] = math.Max(float64(n)/float64(top), 0.03)
		}
	}
	return shares
}

// ends writes the two ends of a histogram's axis.
func ends(h *record.Histogram) (low, high string) {
	return axis(h, h.Low), axis(h, h.High)
}

func axis(h *record.Histogram, x float64) string {
	if !h.Time {
		return float(x)
	}
	if math.IsNaN(x) || math.Abs(x) > 1e12 {
		return strconv.FormatFloat(x, 'g', 6, 64) + " s"
	}
	t := time.Unix(int64(x), 0).UTC()
	if h.High-h.Low < 2*86400 {
		return t.Format("2006-01-02 15:04")
	}
	return t.Format("2006-01-02")
}

// told says in words what a histogram shows, for those who do not see it.
func told(column string, h *record.Histogram) string {
	var total, most int64
	at := 0
	for i, n := range h.Counts {
		total += n
		if n > most {
			most, at = n, i
		}
	}
	low, high := ends(h)
	if total == 0 || len(h.Counts) == 0 {
		return fmt.Sprintf("Histogram of %s: no values", clean(column, maxName))
	}
	width := (h.High - h.Low) / float64(len(h.Counts))
	return fmt.Sprintf("Histogram of %s, %s to %s in %d bins; the fullest, %s to %s, holds %s",
		clean(column, maxName), low, high, len(h.Counts),
		axis(h, h.Low+width*float64(at)), axis(h, h.Low+width*float64(at+1)), percent(most, total))
}
