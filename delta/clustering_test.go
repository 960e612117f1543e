package delta

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/dq-dev/dq/table"
)

// TestClustering: a table that is clustered by a column takes files, which have
// statistics of it however few others do, and keeps the column.
func TestClustering(t *testing.T) {
	for _, props := range []map[string]string{
		{"delta.dataSkippingNumIndexedCols": "0"}, {"delta.dataSkippingStatsColumns": "note"}, nil,
	} {
		tb := testTable(&memory{})
		s := create(t, tb, props)
		s.state.protocol = &protocol{MinReader: 1, MinWriter: 7, WriterFeatures: &[]string{"clustering", "domainMetadata"}}
		s.state.domains[clusteringDomain] = domainMetadata{Domain: clusteringDomain, Configuration: `{"clusteringColumns":[["id"]]}`}
		x := s.Begin("WRITE")
		x.Add(dataFile("a"))
		commitOK(t, x)
		data, err := tb.store.Read(context.Background(), commitName(1))
		if err != nil || !strings.Contains(string(data), `\"minValues\":{\"id\":1}`) {
			t.Errorf("%v: %s %v", props, data, err)
		}
		x = x.Snapshot().Begin("WRITE")
		x.SetSchema(schemaOf(t, "note string"))
		x.Remove(fileList(t, x.base)...)
		if _, err := x.Commit(context.Background()); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), `clustered by the column "id"`) {
			t.Errorf("%v", err)
		}
		s.state.domains[clusteringDomain] = domainMetadata{Domain: clusteringDomain, Configuration: `[`}
		x = s.Begin("WRITE")
		x.Add(dataFile("b"))
		if _, err := x.Commit(context.Background()); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%v", err)
		}
	}
}

// TestPreviewOfWidening: a table whose types were widened before the feature was
// settled takes files, and keeps its types and features.
func TestPreviewOfWidening(t *testing.T) {
	tb := testTable(&memory{})
	s := create(t, tb, nil)
	s.state.protocol = &protocol{MinReader: 3, MinWriter: 7, ReaderFeatures: &[]string{previewWidening}, WriterFeatures: &[]string{previewWidening}}
	s.state.metaData.Configuration = map[string]string{"delta.enableTypeWidening": "true"}
	x := s.Begin("WRITE")
	x.Add(dataFile("a"))
	x.MergeSchema(schemaOf(t, "more int32"))
	commitOK(t, x)
	if _, writer := x.Snapshot().Features(); strings.Join(writer, " ") != previewWidening {
		t.Errorf("features %v", writer)
	}
	x = x.Snapshot().Begin("ALTER")
	x.SetSchema(table.Schema{Fields: append(x.base.Schema().Fields[:2:2], table.Field{Name: "more", Type: table.Type{Kind: table.Int64}, Nullable: true})})
	if _, err := x.Commit(context.Background()); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), previewWidening) {
		t.Errorf("%v", err)
	}
}
