// Package gcs opens [object.Store]s in Google Cloud Storage, through its JSON API.
// It is part of programs that are built with -tags gcs. A commit is one upload
// with ifGenerationMatch=0.
//
//	store, err := gcs.Open("gs://lake/orders", os.Getenv)
//
// Credentials come from the file that GOOGLE_APPLICATION_CREDENTIALS names (of a
// service account, or what `gcloud auth application-default login` writes), from
// the latter's usual place, or from the machine's metadata service.
// STORAGE_EMULATOR_HOST names an emulator, which is asked without credentials.
package gcs
