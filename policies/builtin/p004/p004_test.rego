package dq.policy.p004_test

import data.dq.fixture_test as fixture
import data.dq.policy.p004

table(columns) := {
	"time": "2026-10-01T06:00:00Z",
	"env": "prod",
	"table": {"name": "silver.customers", "layer": "silver", "owner": "sales"},
	"old": null,
	"new": {"columns": columns},
	"diff": [{"id": "d1", "op": "column_added", "path": "email"}],
	"downstream": [],
	"consumers_by_column": {},
	"profile": {"columns": {"note": {"pii_suspects": [{"kind": "email", "ratio": 0.97}, {"kind": "iban", "ratio": 0.1}]}}},
}

text(path) := {"path": path, "type": "string", "nullable": true}

suspected(columns) := {f.path | some f in p004.findings with input as table(columns)}

personal := {
	"email", "customer_email", "EmailAddress", "e_mail", "phone", "PhoneNumber", "mobile_no", "fax",
	"first_name", "LastName", "customer_name", "surname", "full_name", "address", "billing_address", "contact.street", "PostCode", "zip",
	"birth_date", "date_of_birth", "dob", "passport_no", "ssn", "iban", "card_number", "ip_address", "customer_id", "CustomerNo", "order.user_id",
	"mobile_phone", "fax_no", "telephone_number", "maiden_name", "contact_names", "home_addr", "house_nr", "postal_code", "zip_code",
	"birthday", "birth_year", "birth_place", "birth_date_utc", "employee_num", "tax_id", "national_id", "social_security_number",
	"passport_no_checked", "driving_licence", "drivers_license", "nin", "bic", "pan", "cvv", "account_no", "credit_card_num",
	"mac_address", "device_id", "imei", "ip",
}

harmless := {
	"customer_ids", "user_id_count", "country", "status", "product_name", "name", "table_name", "file_name", "email_count", "mobile_sessions", "street_width",
	"pipeline", "company", "description", "unit_price", "invoice_date", "_file", "address_count", "zipped", "panel", "script", "description_name", "a", "",
}

test_fires_on_names if {
	suspected([text(path) | some path in personal]) == personal
}

test_fires_with_the_signs if {
	some f in p004.findings with input as table([text("email")])
	f.diff_id == "d1"
	f.msg == "column email looks like personal data (its name says email), but has no pii tag"
}

test_fires_on_declarations if {
	columns := [
		object.union(text("a"), {"tags": {"gdpr.art9": ""}}),
		object.union(text("b"), {"classification": "personal"}),
	]
	{f.evidence.signs | some f in p004.findings with input as table(columns)} == {{"its tag is gdpr.art9"}, {"its classification is personal"}}
}

test_fires_on_values if {
	some f in p004.findings with input as table([text("note")])
	f.evidence.signs == {"97% of its values look like email"}
}

test_silent_on_harmless_names if {
	suspected([text(path) | some path in harmless]) == set()
}

test_silent_on_tagged_columns if {
	suspected([object.union(text("email"), {"tags": {"pii.email": ""}}), object.union(text("phone"), {"tags": {"pii.none": ""}})]) == set()
}

test_silent_on_flags if {
	suspected([{"path": "has_email", "type": "bool"}, {"path": "address", "type": "struct<street: string>"}]) == set()
}

test_waived if fixture.effects_waived("DQ-P004", table([text("email")])) == {"waived"}
