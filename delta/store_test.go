package delta_test

import (
	"path/filepath"
	"testing"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/storetest"
)

func TestDirConforms(t *testing.T) {
	storetest.Run(t, func(t *testing.T) delta.Store { return delta.Dir(filepath.Join(t.TempDir(), "a", "b")) })
}
