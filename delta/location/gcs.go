//go:build gcs

package location

import "github.com/dq-dev/dq/delta/gcs"

func init() { schemes["gs"] = gcs.Open }
