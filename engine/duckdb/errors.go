package duckdb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/dq-dev/dq/engine"
)

// wrap says what was being done when DuckDB failed, and makes cancellation, want
// of memory and a full disk recognisable. It is nil for nil.
func wrap(ctx context.Context, err error, doing string) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w: %w", doing, engine.ErrCancelled, context.Cause(ctx))
	}
	text := message(err)
	var de *driver.Error
	if errors.As(err, &de) {
		switch {
		// A full spill folder is reported as want of memory, so it is asked first.
		case strings.Contains(text, "No space left on device"), strings.Contains(text, "max_temp_directory_size"):
			return fmt.Errorf("%s: %w: %s", doing, engine.ErrNoSpace, text)
		case de.Type == driver.ErrorTypeOutOfMemory:
			return fmt.Errorf("%s: %w: %s", doing, engine.ErrMemory, text)
		case de.Type == driver.ErrorTypeInternal && doing == "duckdb: bind":
			return unbindable(text)
		// A file whose values have another type than the table says is no one's SQL.
		case (de.Type == driver.ErrorTypeConversion || de.Type == driver.ErrorTypeOutOfRange) && !strings.Contains(de.Msg, "Error while reading file"):
			return &engine.ValueError{Message: doing + ": " + text}
		}
		return fmt.Errorf("%s: %s", doing, text)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// message is what DuckDB says, without the name of its error class and without
// the excerpt of SQL that dq composed and its user never saw.
func message(err error) string {
	text := err.Error()
	var de *driver.Error
	if errors.As(err, &de) {
		text = de.Msg
	}
	text, _, _ = strings.Cut(text, "\n\nLINE ")
	// A failed cast in a file goes on with advice on options of read_parquet.
	text, _, _ = strings.Cut(text, "\nThis can happen when reading multiple")
	// The line ends of a file must be all LF or all CRLF; the advice is to read wrongly.
	if strings.Contains(text, "state machine reached an invalid state") {
		file := text[strings.Index(text, "file = ")+len("file = "):]
		file, _, _ = strings.Cut(file, "\n")
		text = file + ": the line ends are mixed (LF and CRLF), or a quoted value goes on after its closing quote; where a record ends cannot be told"
	}
	text, _, _ = strings.Cut(text, "\nPossible fixes:")
	text, _, _ = strings.Cut(text, "\n\nStack Trace:")
	if class, rest, ok := strings.Cut(text, " Error: "); ok && len(class) < 30 && !strings.Contains(class, ":") {
		text = rest
	}
	return strings.TrimSpace(text)
}

// diskError is an error of the file system, a full disk made recognisable.
func diskError(err error, doing string) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%s: %w: %w", doing, engine.ErrNoSpace, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
