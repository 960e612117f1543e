package cel

import (
	_ "embed" // the longer lists
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
)

// countryNames are English names of countries and territories, as CLDR and ISO have
// them, without accents too.
//
//go:embed codes/country_names.txt
var countryNames string

// topLevelDomains are those of IANA in February 2026, international ones as Punycode
// writes them.
//
//go:embed codes/top_level_domains.txt
var topLevelDomains string

// Codes of lists. They are those of the year 2025; capitals count.
var codeFunctions = []function{
	codeList("isISOCountry", "Whether a text is a country of ISO 3166-1, by two or three letters in capitals.", countries2+" "+countries3,
		"isISOCountry('FR')", "isISOCountry('FRA')", "!isISOCountry('XX')"),
	codeList("isISOCountry2", "Whether a text is a country of ISO 3166-1, by two letters in capitals.", countries2,
		"isISOCountry2('FR')", "!isISOCountry2('FRA')", "!isISOCountry2('fr')"),
	codeList("isISOCountry3", "Whether a text is a country of ISO 3166-1, by three letters in capitals.", countries3,
		"isISOCountry3('FRA')", "!isISOCountry3('FR')", "!isISOCountry3('XXX')"),
	codeList("isISOCurrency", "Whether a text is a currency or a fund of ISO 4217 that is in use, by three letters in capitals.", currencies,
		"isISOCurrency('EUR')", "!isISOCurrency('DEM')", "!isISOCurrency('eur')"),
	codeList("isISOLanguage", "Whether a text is a language of ISO 639-1, by two small letters.", languages,
		"isISOLanguage('fr')", "!isISOLanguage('FR')", "!isISOLanguage('xx')"),
	codeList("isUSState", "Whether a text is a state of the USA or DC, by two letters in capitals.", usStates,
		"isUSState('NY')", "isUSState('DC')", "!isUSState('PR')"),
	nameList("isCountryName", "Whether a text is the English name of a country or territory of ISO 3166-1, in one of its usual forms.", lines(countryNames),
		"isCountryName('Syria')", "isCountryName('Sao Tome and Principe')", "!isCountryName('Frenc')"),
	nameList("isTopLevelDomain", "Whether a text is a top-level domain of the Internet, in small letters, without a dot.", lines(topLevelDomains),
		"isTopLevelDomain('com')", "isTopLevelDomain('xn--p1ai')", "!isTopLevelDomain('mee')"),
	textTestOf("isTimeZone", "Whether a text is the name of a time zone of the IANA database.",
		func(s string) bool {
			if s == "" || s == "Local" {
				return false
			}
			_, err := time.LoadLocation(s)
			return err == nil
		}, nil, "isTimeZone('Europe/Paris')", "isTimeZone('UTC')", "!isTimeZone('Europe/Atlantis')"),
}

func codeList(name, doc, codes string, examples ...string) function {
	return nameList(name, doc, strings.Fields(codes), examples...)
}

func lines(text string) []string { return strings.Split(strings.TrimSpace(text), "\n") }

func nameList(name, doc string, list []string, examples ...string) function {
	set := map[string]bool{}
	for _, c := range list {
		set[c] = true
	}
	f := textTestOf(name, doc, func(s string) bool { return set[s] },
		func(w *writer, s string) (string, error) {
			quoted := make([]string, len(list))
			for i, c := range list {
				quoted[i] = w.dialect.Literal(c)
			}
			return w.inSet(s, quoted), nil
		}, examples...)
	f.forms[0].out = types.BoolType
	return f
}

const countries2 = `AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ
NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ
UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW`

const countries3 = `ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR BHR BHS BIH BLM BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA
CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL COM CPV CRI CUB CUW CXR CYM CYP CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK FRA FRO FSM
GAB GBR GEO GGY GHA GIB GIN GLP GMB GNB GNQ GRC GRD GRL GTM GUF GUM GUY HKG HMD HND HRV HTI HUN IDN IMN IND IOT IRL IRN IRQ ISL ISR ITA JAM JEY JOR JPN
KAZ KEN KGZ KHM KIR KNA KOR KWT LAO LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA MAC MAF MAR MCO MDA MDG MDV MEX MHL MKD MLI MLT MMR MNE MNG MNP MOZ MRT MSR MTQ MUS MWI MYS MYT
NAM NCL NER NFK NGA NIC NIU NLD NOR NPL NRU NZL OMN PAK PAN PCN PER PHL PLW PNG POL PRI PRK PRT PRY PSE PYF QAT REU ROU RUS RWA
SAU SDN SEN SGP SGS SHN SJM SLB SLE SLV SMR SOM SPM SRB SSD STP SUR SVK SVN SWE SWZ SXM SYC SYR TCA TCD TGO THA TJK TKL TKM TLS TON TTO TUN TUR TUV TWN TZA
UGA UKR UMI URY USA UZB VAT VCT VEN VGB VIR VNM VUT WLF WSM YEM ZAF ZMB ZWE`

const currencies = `AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK
DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT
LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF
SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST
XAD XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWG`

const languages = `aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy
ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my
na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty
ug uk ur uz ve vi vo wa wo xh yi yo za zh zu`

const usStates = `AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY`
