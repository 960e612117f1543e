package duckdb

import (
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"

	driver "github.com/duckdb/duckdb-go/v2"
)

// computeFunction is computeFunction(number, values ...), the text that the function
// of that number makes of the values.
const computeFunction = "dq_compute"

// Compute is of [engine.Computer].
func (s *session) Compute(sql []string, f func(values []any) (string, bool)) (string, error) {
	s.functions.compute.Do(func() {
		number, errNumber := driver.NewTypeInfo(driver.TYPE_INTEGER)
		anything, errAny := driver.NewTypeInfo(driver.TYPE_ANY)
		text, errText := driver.NewTypeInfo(driver.TYPE_VARCHAR)
		if s.functions.computeErr = errors.Join(errNumber, errAny, errText); s.functions.computeErr == nil {
			s.functions.computeErr = driver.RegisterScalarUDF(s.conn, computeFunction, compute{number, anything, text})
		}
	})
	if err := s.functions.computeErr; err != nil {
		return "", fmt.Errorf("duckdb: %s: %w", computeFunction, err)
	}
	n := computers.add(&computer{f: f})
	s.computers = append(s.computers, n)
	return fmt.Sprintf("%s(%s)", computeFunction, strings.Join(append([]string{fmt.Sprintf("%d::INTEGER", n)}, sql...), ", ")), nil
}

// compute is the function.
type compute struct{ number, anything, text driver.TypeInfo }

func (c compute) Config() driver.ScalarFuncConfig {
	return driver.ScalarFuncConfig{InputTypeInfos: []driver.TypeInfo{c.number}, VariadicTypeInfo: c.anything, ResultTypeInfo: c.text, SpecialNullHandling: true}
}

func (c compute) Executor() driver.ScalarFuncExecutor {
	return driver.ScalarFuncExecutor{RowExecutor: func(args []sqldriver.Value) (any, error) {
		n, _ := args[0].(int32)
		computer := computers.get(n)
		if computer == nil {
			return nil, errors.New("the function belongs to a session that was closed")
		}
		values := make([]any, len(args)-1)
		for i, v := range args[1:] {
			values[i] = value(v, nil)
		}
		if text, ok := computer.call(values); ok {
			return text, nil
		}
		return nil, nil
	}}
}

// computer is a function of a session. Threads of the engine take turns.
type computer struct {
	mu sync.Mutex
	f  func(values []any) (string, bool)
}

func (c *computer) call(values []any) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.f(values)
}

// computers are those of all sessions, by number.
var computers = registry[computer]{all: map[int32]*computer{}}
