package pipeline

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations"
)

// metric is a number or other value that a suite saw, kept with its type so
// that previous(e) gets back just what was judged: JSON alone would turn
// integers into floats and decimals into texts.
type metric struct{ value any }

func metricsOf(result *expectations.Result) map[string]metric {
	metrics := map[string]metric{}
	for text, v := range result.Metrics {
		metrics[text] = metric{v}
	}
	return metrics
}

// MarshalJSON writes {"int": "541909"}, {"decimal": "12.340"}, {"double": "0.25"} ...,
// and of groups {"groups": {"[\"SE\"]": {"int": "3"}}}.
func (m metric) MarshalJSON() ([]byte, error) {
	if groups, ok := m.value.(expectations.Grouped); ok {
		kept := map[string]metric{}
		for key, v := range groups {
			kept[key] = metric{v}
		}
		return json.Marshal(map[string]any{"groups": kept})
	}
	kind, text := m.text()
	if kind == "" {
		return nil, fmt.Errorf("metric of type %T cannot be kept", m.value)
	}
	return json.Marshal(map[string]string{kind: text})
}

// text is a metric's type and its value as text, "null" and "" for none. A type of "" is
// none that can be kept.
func (m metric) text() (kind, text string) {
	switch v := m.value.(type) {
	case nil:
		return "null", ""
	case int64:
		return "int", strconv.FormatInt(v, 10)
	case float64:
		return "double", strconv.FormatFloat(v, 'g', -1, 64)
	case engine.Decimal:
		return "decimal", string(v)
	case string:
		return "string", v
	case bool:
		return "bool", strconv.FormatBool(v)
	case time.Time:
		return "time", v.UTC().Format(time.RFC3339Nano)
	}
	return "", ""
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (m *metric) UnmarshalJSON(data []byte) error {
	var pair map[string]json.RawMessage
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	for kind, value := range pair {
		if kind == "groups" {
			var kept map[string]metric
			if err := json.Unmarshal(value, &kept); err != nil {
				return err
			}
			groups := expectations.Grouped{}
			for key, of := range kept {
				groups[key] = of.value
			}
			m.value = groups
			return nil
		}
		var text string
		err := json.Unmarshal(value, &text)
		if err != nil {
			return err
		}
		switch kind {
		case "null":
			m.value = nil
		case "int":
			m.value, err = strconv.ParseInt(text, 10, 64)
		case "double":
			m.value, err = strconv.ParseFloat(text, 64)
		case "decimal":
			m.value = engine.Decimal(text)
		case "string":
			m.value = text
		case "bool":
			m.value, err = strconv.ParseBool(text)
		case "time":
			m.value, err = time.Parse(time.RFC3339Nano, text)
		default:
			err = fmt.Errorf("metric of unknown type %q", kind)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
