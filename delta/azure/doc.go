// Package azure opens [object.Store]s in Azure Blob Storage. It is part of
// programs that are built with -tags azure. A commit is one Put Blob with
// If-None-Match: *.
//
//	store, err := azure.Open("azblob://container/orders", os.Getenv)
//
// The environment says which account, and how to sign in:
//
//	AZURE_STORAGE_ACCOUNT_NAME     the account
//	AZURE_STORAGE_ENDPOINT         its blob endpoint, when that is not https://<account>.blob.core.windows.net
//	AZURE_STORAGE_ACCOUNT_KEY      signs requests (Shared Key), or
//	AZURE_STORAGE_SAS_TOKEN        is added to them, or
//	AZURE_TENANT_ID, AZURE_CLIENT_ID with AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE, or
//	nothing                        the machine's managed identity (AZURE_CLIENT_ID: which)
package azure
