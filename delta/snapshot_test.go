package delta

import (
	"slices"
	"testing"
)

// Clustering columns are in the log by the names that files have for them.
func TestClusterBy(t *testing.T) {
	field := func(name, id, typ string) string {
		return `{\"name\":\"` + name + `\",\"type\":` + typ + `,\"nullable\":true,\"metadata\":{\"delta.columnMapping.id\":` + id + `,\"delta.columnMapping.physicalName\":\"col-` + id + `\"}}`
	}
	inner := `{\"type\":\"struct\",\"fields\":[` + field("b", "2", `\"string\"`) + `]}`
	schema := `{\"type\":\"struct\",\"fields\":[` + field("a", "1", inner) + `,` + field("c", "3", `\"string\"`) + `]}`
	log := `{"protocol":{"minReaderVersion":2,"minWriterVersion":7,"writerFeatures":["columnMapping","domainMetadata","clustering"]}}
{"metaData":{"id":"x","format":{"provider":"parquet","options":{}},"schemaString":"` + schema + `","partitionColumns":[],"configuration":{"delta.columnMapping.mode":"name","delta.columnMapping.maxColumnId":"3"}}}
{"domainMetadata":{"domain":"delta.clustering","configuration":"{\"clusteringColumns\":[[\"col-3\"],[\"col-1\",\"col-2\"],[\"gone\"]]}","removed":false}}`
	store := &memory{}
	if err := store.PutNew(t.Context(), commitName(0), []byte(log)); err != nil {
		t.Fatal(err)
	}
	if got := latest(t, testTable(store)).ClusterBy(); !slices.Equal(got, []string{"c", "a.b", "gone"}) {
		t.Errorf("clustered by %v", got)
	}
}
