// Package rest is what delta/gcs and delta/azure share: requests whose failures
// are errors of package object, and access tokens that are used until they end.
package rest
