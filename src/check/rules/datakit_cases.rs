//! Every check of DataKit on a healthy mesh with one change at a time: what is broken has one finding, of the right cause,
//! and what is merely unusual has none.

use std::fmt::Write as _;

use crate::check::run;
use crate::kube::read_text;

const HEALTHY: &str = include_str!("../../../testdata/datakit-mesh/healthy.yaml");

/// A replacement in the text of the mesh.
type Edit = (&'static str, &'static str);

/// What is to be found: an id, and words of its message, hint or consequences.
type Want = &'static [(&'static str, &'static str)];

#[derive(Clone, Copy, PartialEq)]
enum View {
    Both,
    Cluster,
    Files,
}
use View::{Both, Cluster, Files};

fn found(text: &str, live: bool) -> (Vec<(&'static str, String)>, Vec<&'static str>) {
    let (mut inventory, problems) = read_text("mesh.yaml", text);
    inventory.live = live;
    let outcome = run(&inventory, problems);
    let ours = |id: &str| id.starts_with("datakit-");
    let findings = outcome.findings.iter().filter(|finding| ours(finding.id)).map(|finding| {
        let text = format!("{} | {} | {}", finding.message, finding.hint, finding.consequences.join("; "));
        (finding.id, text)
    });
    (findings.collect(), outcome.unknowns.iter().map(|unknown| unknown.id).filter(|id| ours(id)).collect())
}

fn changed(edits: &[Edit]) -> String {
    edits.iter().fold(HEALTHY.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replacen(old, new, 1)
    })
}

/// The differences between what was found and what was wanted.
fn judge(view: View, edits: &[Edit], wanted: Want, unknown: Option<&str>) -> String {
    let text = changed(edits);
    let mut wrong = String::new();
    for live in [false, true] {
        if view == if live { Files } else { Cluster } {
            continue;
        }
        let (findings, unknowns) = found(&text, live);
        let fits = findings.len() == wanted.len()
            && wanted
                .iter()
                .zip(&findings)
                .all(|((id, words), (found, text))| id == found && text.contains(words));
        if !fits || unknown.is_some_and(|id| !unknowns.contains(&id)) {
            let _ = writeln!(
                wrong,
                "live {live}: {edits:?}\n  wanted {wanted:?} {unknown:?}\n  found {findings:?} {unknowns:?}"
            );
        }
    }
    wrong
}

const TOKEN: &str = "https://openway.guance.com?token=tkn_0123456789abcdef0123456789abcdef";
const IMAGE: &str = "datakit:1.84.0";
const LIST: &str = "value: dk,cpu,container";
const SUB_PATH: &str = "subPath: zipkin.conf";
const ZIPKIN_PATH: &str = "/usr/local/datakit/conf.d/zipkin/zipkin.conf";
const PATH_V2: &str = "pathV2 = \"/api/v2/spans\"";
const URL: &str = "http://istiod.istio-system.svc.cluster.local:15014/metrics";
const LISTEN: &str = "value: 0.0.0.0:9529";
const BEFORE_LISTEN: &str = "        - name: ENV_HTTP_LISTEN";
const ELECTION: &str = "        - name: ENV_ENABLE_ELECTION\n          value: enable";

#[test]
fn each_fault_has_one_finding() {
    let cases: &[(View, &[Edit], Want)] = &[
        (
            Files,
            &[("kind: DaemonSet\nmetadata", "kind: Deployment\nmetadata")],
            &[("datakit-missing", "as a Deployment")],
        ),
        (
            Both,
            &[(TOKEN, "https://openway.guance.com?token=<your-token>")],
            &[("datakit-token", "placeholder for its token")],
        ),
        (Both, &[("?token=", "?tkn=")], &[("datakit-token", "`tkn`")]),
        (
            Both,
            &[("abcdef\n        - name: ENV_DEFAULT", "abcde\n        - name: ENV_DEFAULT")],
            &[("datakit-token", "31 characters")],
        ),
        (Both, &[("token=tkn_", "token=tkn-")], &[("datakit-token", "begins")]),
        (Both, &[("https://openway", "openway")], &[("datakit-token", "no absolute URL")]),
        (
            Both,
            &[(TOKEN, "'\"https://openway.guance.com?token=tkn_0123456789abcdef0123456789abcdef\"'")],
            &[("datakit-token", "quote")],
        ),
        (Both, &[("ENV_DATAWAY", "ENV_DATAWY")], &[("datakit-token", "`ENV_DATAWY` is misspelt")]),
        (
            Both,
            &[(
                "value: https://openway.guance.com?token=tkn_0123456789abcdef0123456789abcdef",
                "valueFrom: {configMapKeyRef: {name: datakit-conf, key: dataway}}",
            )],
            &[("datakit-token", "no such key")],
        ),
        (Both, &[(LISTEN, "value: '[::1]:9529'")], &[("datakit-listen", "`[::1]:9529`")]),
        (Both, &[(LISTEN, "value: localhost:9529")], &[("datakit-listen", "0.0.0.0:9529")]),
        (Both, &[(LISTEN, "value: 0.0.0.0")], &[("datakit-listen", "no address")]),
        (Both, &[("ENV_HTTP_LISTEN", "ENV_HTTP_LISTENS")], &[("datakit-listen", "not set")]),
        (Both, &[(SUB_PATH, "subPath: zipkins.conf")], &[("datakit-mount", "it has `zipkin.conf`")]),
        (
            Both,
            &[(SUB_PATH, "subPath: spans.toml")],
            &[("datakit-mount", "spans are refused"), ("datakit-unmounted", "zipkin.conf")],
        ),
        (
            Both,
            &[(
                "name: datakit-conf\n          subPath: zipkin",
                "name: datakit-cof\n          subPath: zipkin",
            )],
            &[("datakit-mount", "`datakit-conf` instead")],
        ),
        (
            Both,
            &[(
                "  name: datakit-conf\n  namespace: datakit\ndata",
                "  name: datakit-conf\n  namespace: default\ndata",
            )],
            &[("datakit-mount", "namespace `default`")],
        ),
        (
            Cluster,
            &[(
                "  name: datakit-conf\n  namespace: datakit\ndata",
                "  name: datakit-config\n  namespace: datakit\ndata",
            )],
            &[("datakit-mount", "does not exist")],
        ),
        (
            Both,
            &[(ZIPKIN_PATH, "/usr/local/datakit/conf.d/zipkin/zipkin.toml")],
            &[("datakit-unmounted", "does not end in `.conf`")],
        ),
        (Both, &[(ZIPKIN_PATH, "/usr/local/datakit/zipkin.conf")], &[("datakit-unmounted", "outside of")]),
        (
            Both,
            &[("[[inputs.zipkin]]", "[[inputs.zipkn]]")],
            &[("datakit-conf", "[[inputs.zipkin]] instead")],
        ),
        (Both, &[("[[inputs.zipkin]]", "[[input.zipkin]]")], &[("datakit-conf", "spans are refused")]),
        (
            Both,
            &[("[[inputs.prom]]", "[[inputs.prom]")],
            &[("datakit-conf", "istiod's metrics are not collected")],
        ),
        (
            Both,
            &[("metric_types = [\"counter\", \"gauge\", \"histogram\"]", "metric_types = \"counter\"")],
            &[("datakit-conf", "a list of strings")],
        ),
        (Both, &[("\"gauge\"", "\"guage\"")], &[("datakit-conf", "`gauge` instead")]),
        (Both, &[("interval = \"10s\"", "interval = \"10\"")], &[("datakit-conf", "its unit")]),
        (
            Both,
            &[(
                "app_id = \"istiod\"",
                "app_id = \"istiod\"\n        bearer_token_file = \"x\"\n        timeout = \"5s\"",
            )],
            &[("datakit-conf", "`bearer_token_file`, `timeout` are below")],
        ),
        (
            Both,
            &[("measurement_name =", "measurment_name =")],
            &[("datakit-conf", "`measurement_name` instead")],
        ),
        (
            Both,
            &[(IMAGE, "datakit:1.4.1"), ("interval = \"10s\"", "interval = \"10s\"\n      stream_sizes = 1")],
            &[("datakit-conf", "refuses the whole input")],
        ),
        (
            Both,
            &[("interval = \"10s\"", "interval = \"10s\"\n      metric_name_filter_ignore = [\".*\"]")],
            &[("datakit-conf", "drops every metric")],
        ),
        (Both, &[(IMAGE, "datakit:1.2.0")], &[("datakit-zipkin", "--overwrite")]),
        (Both, &[(LIST, "value: dk,-zipkin,container")], &[("datakit-zipkin", "switches the input off")]),
        (Both, &[(PATH_V2, "pathV2 = \"/zipkin/spans\"")], &[("datakit-zipkin", "`/zipkin/spans`")]),
        (
            Both,
            &[(
                PATH_V2,
                "pathV2 = \"/api/v2/spans\"\n      [inputs.zipkin.sampler]\n        sampling_rate = 0.0",
            )],
            &[("datakit-zipkin", "sampling_rate is 0")],
        ),
        (
            Both,
            &[(PATH_V2, "[inputs.zipkin.close_resource]\n        \"*\" = [\".*\"]")],
            &[("datakit-zipkin", "close_resource matches every")],
        ),
        (
            Both,
            &[(
                BEFORE_LISTEN,
                "        - name: ENV_INPUT_ZIPKIN_SAMPLER\n          value: '0'\n        - name: ENV_HTTP_LISTEN",
            )],
            &[("datakit-zipkin", "SAMPLER is 0")],
        ),
        (
            Both,
            &[
                (IMAGE, "datakit:1.63.1"),
                (
                    BEFORE_LISTEN,
                    "        - name: ENV_HTTP_PUBLIC_APIS\n          value: /v1/write/rum\n        - name: ENV_HTTP_LISTEN",
                ),
            ],
            &[("datakit-zipkin", "403")],
        ),
        (
            Both,
            &[(
                BEFORE_LISTEN,
                "        - name: ENV_IO_FILTERS\n          value: '{\"tracing\": [\"{ source = ''zipkin'' }\"]}'\n        - name: ENV_HTTP_LISTEN",
            )],
            &[("datakit-filter", "every span")],
        ),
        (
            Both,
            &[(URL, "http://istiod.istio-system.svc.cluster.local:15010/metrics")],
            &[("datakit-istiod", "15014")],
        ),
        (
            Both,
            &[(URL, "http://istiod.istio-system.svc.cluster.local:15014/stats/prometheus")],
            &[("datakit-istiod", "/metrics")],
        ),
        (
            Both,
            &[(URL, "https://istiod.istio-system.svc.cluster.local:15014/metrics")],
            &[("datakit-istiod", "not https")],
        ),
        (
            Both,
            &[(URL, "http://istiod.istio-sytem.svc.cluster.local:15014/metrics")],
            &[("datakit-istiod", "istiod.istio-system.svc")],
        ),
        (
            Both,
            &[("  name: istiod\n", "  name: istiod-1-24\n")],
            &[("datakit-istiod", "istiod-1-24.istio-system")],
        ),
        (
            Both,
            &[("dnsPolicy: ClusterFirstWithHostNet", "dnsPolicy: ClusterFirst")],
            &[("datakit-dns", "istiod.istio-system")],
        ),
        (
            Both,
            &[("  namespace: datakit # the account's", "  namespace: default")],
            &[("datakit-rbac", "namespace `default`")],
        ),
        (
            Both,
            &[(
                "resources: [nodes, namespaces, pods, services, endpoints]",
                "resources: [nodes, namespaces, services, endpoints]",
            )],
            &[("datakit-rbac", "pods")],
        ),
        (Both, &[("verbs: [get, list, watch]", "verbs: [get, list]")], &[("datakit-rbac", "watch")]),
        (
            Cluster,
            &[(
                "kind: ServiceAccount\nmetadata:\n  name: datakit\n",
                "kind: ServiceAccount\nmetadata:\n  name: other\n",
            )],
            &[("datakit-rbac", "does not exist")],
        ),
        (
            Both,
            &[(
                "apiVersion: v1\nkind: Service\n",
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: prod}\nspec: {template: {spec: {containers: [{name: web, ports: [{containerPort: 80, hostPort: 9529}]}]}}}\n---\napiVersion: v1\nkind: Service\n",
            )],
            &[("datakit-port", "claims port 9529")],
        ),
        (
            Both,
            &[(LIST, "value: dk,zipkn,container"), ("[[inputs.zipkin]]", "[[inputs.ddtrace]]")],
            &[("datakit-zipkin", "`zipkin` instead of `zipkn`")],
        ),
        (
            Both,
            &[(LIST, "value: dk, zipkin,container"), ("[[inputs.zipkin]]", "[[inputs.ddtrace]]")],
            &[("datakit-zipkin", "cuts it at blanks")],
        ),
        (Both, &[(LIST, "value: dk,zipkin,container")], &[("datakit-zipkin", "configured twice")]),
        (
            Both,
            &[
                (LIST, "value: dk,container,kubernetesprometheus"),
                ("/conf.d/zipkin/zipkin.conf", "/conf.d/prom/kp.conf"),
                (
                    "    [[inputs.zipkin]]\n      pathV1 = \"/api/v1/spans\"\n      pathV2 = \"/api/v2/spans\"\n",
                    "    [[inputs.zipkin]]\n    [inputs.kubernetesprometheus]\n      node_local = true\n",
                ),
            ],
            &[("datakit-conf", "never used")],
        ),
        (
            Both,
            &[
                (IMAGE, "datakit:1.22.0"),
                (
                    BEFORE_LISTEN,
                    "        - name: ENV_DATAKIT_INPUTS\n          value: '[[inputs.rum]]'\n        - name: ENV_HTTP_LISTEN",
                ),
            ],
            &[("datakit-unmounted", "1.23.0")],
        ),
        (
            Both,
            &[("kind: ClusterRoleBinding", "kind: RoleBinding")],
            &[("datakit-rbac", "no ClusterRoleBinding")],
        ),
        (
            Cluster,
            &[(
                "kind: ClusterRole\nmetadata:\n  name: datakit",
                "kind: ClusterRole\nmetadata:\n  name: other",
            )],
            &[("datakit-rbac", "`datakit` does not exist")],
        ),
        (
            Both,
            &[
                (
                    "  prom_istiod.conf: |",
                    "  gateway.conf: |\n    [[inputs.prom]]\n      url = \"http://istio-ingressgateway-ext.istio-system:15020/stats/prometheus\"\n  prom_istiod.conf: |",
                ),
                (
                    "/conf.d/zipkin/zipkin.conf\n          name: datakit-conf\n          subPath: zipkin.conf",
                    "/conf.d/all\n          name: datakit-conf",
                ),
                (
                    "kind: Service\n",
                    "kind: Service\nmetadata: {name: istio-ingressgateway-ext, namespace: istio-system}\nspec: {ports: [{port: 15021}]}\n---\napiVersion: v1\nkind: Service\n",
                ),
            ],
            &[("datakit-gateways", "no port 15020")],
        ),
        (
            Cluster,
            &[
                ("numberReady: 2", "numberReady: 1"),
                (
                    "status: {} # of pod b",
                    "status: {containerStatuses: [{name: datakit, image: x:1, state: {waiting: {reason: ImagePullBackOff}}}]}",
                ),
            ],
            &[("datakit-ready", "ready on 1 of 2 nodes: ImagePullBackOff: the image x:1")],
        ),
        (
            Cluster,
            &[
                ("numberReady: 2", "numberReady: 1"),
                (
                    "status: {} # of pod b",
                    "status: {containerStatuses: [{name: datakit, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 137, reason: OOMKilled}}}]}",
                ),
            ],
            &[("datakit-ready", "memory limit")],
        ),
        (
            Cluster,
            &[
                ("      tolerations:\n      - operator: Exists\n", ""),
                ("taints: [] # none", "taints: [{key: dedicated, value: mesh, effect: NoSchedule}]"),
                ("nodeName: node-b # where", "nodeName: node-a # where"),
            ],
            &[("datakit-ready", "node-b has the taint dedicated:NoSchedule")],
        ),
        (
            Cluster,
            &[
                ("      tolerations:", "      nodeSelector: {pool: infra}\n      tolerations:"),
                ("nodeName: node-b # where", "nodeName: node-a # where"),
            ],
            &[("datakit-ready", "pool=infra")],
        ),
        (Both, &[(ELECTION, "")], &[("datakit-election", "arrive 2 times")]),
        (
            Both,
            &[("interval = \"10s\"", "interval = \"10s\"\n      election = false")],
            &[("datakit-election", "election = false")],
        ),
        (
            Cluster,
            &[
                ("kind: DaemonSet\nmetadata", "kind: Deployment\nmetadata"),
                ("datakit/datakit:1.84.0", "operator/datakit-operator:1.5.1"),
                ("ENV_DATAWAY", "ENV_DD_JAVA_AGENT_IMAGE"),
            ],
            &[("datakit-missing", "no DaemonSet in the cluster")],
        ),
        (
            Cluster,
            &[
                ("numberReady: 2", "numberReady: 0"),
                (
                    "kind: Node\n",
                    "kind: Event\nmetadata: {name: e, namespace: datakit}\ninvolvedObject: {kind: DaemonSet, name: datakit, namespace: datakit}\nreason: FailedCreate\nmessage: 'exceeded quota: compute'\n---\napiVersion: v1\nkind: Node\n",
                ),
            ],
            &[("datakit-ready", "FailedCreate: exceeded quota")],
        ),
        (
            Files,
            &[(
                "apiVersion: v1\nkind: ConfigMap",
                "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: dk2, namespace: datakit}\nspec: {template: {spec: {serviceAccountName: datakit, hostNetwork: true, dnsPolicy: ClusterFirstWithHostNet, volumes: [{name: c, configMap: {name: datakit-conf}}], containers: [{name: datakit, image: datakit, volumeMounts: [{name: c, mountPath: /usr/local/datakit/conf.d/m}], env: [{name: ENV_HTTP_LISTEN, value: ':9529'}, {name: ENV_DATAWAY, valueFrom: {secretKeyRef: {name: a, key: b}}}]}]}}}\n---\napiVersion: v1\nkind: ConfigMap",
            )],
            &[("datakit-port", "same nodes as daemonset/datakit in datakit")],
        ),
    ];
    let wrong: String = cases.iter().map(|(view, edits, wanted)| judge(*view, edits, wanted, None)).collect();
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_is_unusual_and_fine_has_no_finding() {
    let cases: &[(View, &[Edit], Option<&str>)] = &[
        (Both, &[], None),
        (
            Both,
            &[(
                "image: pubrepo.guance.com/datakit/datakit:1.84.0",
                "image: registry.example.com/mirror/datakit@sha256:0123456789abcdef0123456789abcdef",
            )],
            None,
        ),
        (
            Both,
            &[(
                "containers:\n      - name: datakit\n",
                "containers:\n      - name: helper\n        image: helper:1\n      - name: datakit\n",
            )],
            None,
        ),
        (
            Both,
            &[(
                "value: https://openway.guance.com?token=tkn_0123456789abcdef0123456789abcdef",
                "valueFrom: {secretKeyRef: {name: dataway, key: url}}",
            )],
            Some("datakit-token"),
        ),
        (
            Both,
            &[
                (
                    "        - name: ENV_DATAWAY\n",
                    "        - name: TOKEN\n          valueFrom: {secretKeyRef: {name: t, key: t}}\n        - name: ENV_DATAWAY\n",
                ),
                (TOKEN, "https://openway.guance.com?token=$(TOKEN)"),
            ],
            Some("datakit-token"),
        ),
        (
            Both,
            &[
                (
                    "        - name: ENV_DATAWAY\n",
                    "        - name: HOST\n          value: openway.guance.com\n        - name: ENV_DATAWAY\n",
                ),
                ("https://openway.guance.com", "https://$(HOST)"),
            ],
            None,
        ),
        (
            Both,
            &[(
                TOKEN,
                "https://a.example.com?token=tkn_0123456789abcdef0123456789abcdef,http://10.0.0.1:9528?token=tokn_0123456789abcdef01234567",
            )],
            None,
        ),
        (Both, &[(LISTEN, "value: '[::]:9529'")], None),
        (Both, &[(LISTEN, "value: ':9529'")], None),
        (
            Both,
            &[(
                LISTEN,
                "value: localhost:9529\n        - name: ENV_HTTP_LISTEN\n          value: 0.0.0.0:9529",
            )],
            None,
        ),
        (Both, &[("ENV_DEFAULT_ENABLED_INPUTS", "ENV_ENABLE_INPUTS")], None),
        (Both, &[(LIST, "value: dk cpu container")], None),
        (
            Both,
            &[(
                "        - mountPath: /usr/local/datakit/conf.d/zipkin/zipkin.conf\n          name: datakit-conf\n          subPath: zipkin.conf\n        - mountPath: /usr/local/datakit/conf.d/prom/prom_istiod.conf\n          name: datakit-conf\n          subPath: prom_istiod.conf",
                "        - mountPath: /usr/local/datakit/conf.d/mesh\n          name: datakit-conf",
            )],
            None,
        ),
        (Both, &[(ZIPKIN_PATH, "/usr/local/datakit/conf.d/anything.conf/")], None),
        (
            Both,
            &[(
                "      - configMap:\n          name: datakit-conf\n        name: datakit-conf",
                "      - projected: {sources: [{configMap: {name: datakit-conf}}]}\n        name: datakit-conf",
            )],
            None,
        ),
        (
            Both,
            &[(
                "      - configMap:\n          name: datakit-conf\n        name: datakit-conf",
                "      - secret: {secretName: datakit-conf}\n        name: datakit-conf",
            )],
            Some("datakit-zipkin"),
        ),
        (
            Both,
            &[
                (
                    "          name: datakit-conf\n        name: datakit-conf",
                    "          name: datakit-conf\n          items: [{key: zipkin.conf, path: z.conf}, {key: prom_istiod.conf, path: prom_istiod.conf}]\n        name: datakit-conf",
                ),
                (SUB_PATH, "subPath: z.conf"),
            ],
            None,
        ),
        (
            Both,
            &[
                (
                    "        - name: ENV_DATAWAY\n",
                    "        - name: KIND\n          value: zipkin\n        - name: ENV_DATAWAY\n",
                ),
                (SUB_PATH, "subPathExpr: $(KIND).conf"),
            ],
            None,
        ),
        (Both, &[("[[inputs.zipkin]]", "[inputs.zipkin]"), ("pathV2 =", "PathV2 =")], None),
        (Both, &[("pathV1 = \"/api/v1/spans\"\n", "\n"), (PATH_V2, "")], None),
        (Both, &[(URL, "http://istiod.istio-system:15014/metrics")], None),
        (
            Both,
            &[
                (URL, "http://$ISTIOD.istio-system.svc:15014/metrics"),
                (
                    "        - name: ENV_DATAWAY\n",
                    "        - name: ISTIOD\n          value: istiod\n        - name: ENV_DATAWAY\n",
                ),
            ],
            None,
        ),
        (
            Both,
            &[(
                BEFORE_LISTEN,
                "        - name: ENV_HTTP_PUBLIC_APIS\n          value: /v1/write/rum\n        - name: ENV_HTTP_LISTEN",
            )],
            None,
        ),
        (
            Both,
            &[
                (IMAGE, "datakit:1.63.1"),
                (
                    BEFORE_LISTEN,
                    "        - name: ENV_HTTP_PUBLIC_APIS\n          value: /v1/write/rum,/api/v2/spans\n        - name: ENV_HTTP_LISTEN",
                ),
            ],
            None,
        ),
        (Both, &[(IMAGE, "datakit:1.2.8"), ("[[inputs.zipkin]]", "[[inputs.traceZipkin]]")], None),
        (
            Both,
            &[(
                PATH_V2,
                "pathV2 = \"/api/v2/spans\"\n      [inputs.zipkin.sampler]\n        sampling_rate = 0.1",
            )],
            None,
        ),
        (
            Both,
            &[("hostNetwork: true\n      dnsPolicy: ClusterFirstWithHostNet", "dnsPolicy: ClusterFirst")],
            None,
        ),
        (
            Both,
            &[(
                "- kind: ServiceAccount\n  name: datakit\n  namespace: datakit # the account's",
                "- kind: Group\n  name: system:serviceaccounts:datakit",
            )],
            None,
        ),
        (
            Both,
            &[
                ("resources: [nodes, namespaces, pods, services, endpoints]", "resources: ['*']"),
                ("apiGroups: [\"\"]", "apiGroups: ['*']"),
                ("verbs: [get, list, watch]", "verbs: ['*']"),
            ],
            None,
        ),
        (
            Cluster,
            &[("taints: [] # none", "taints: [{key: dedicated, value: mesh, effect: NoSchedule}]")],
            None,
        ),
    ];
    let wrong: String =
        cases.iter().map(|(view, edits, unknown)| judge(*view, edits, &[], *unknown)).collect();
    assert!(wrong.is_empty(), "{wrong}");
}
