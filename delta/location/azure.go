//go:build azure

package location

import "github.com/dq-dev/dq/delta/azure"

func init() { schemes["azblob"] = azure.Open }
