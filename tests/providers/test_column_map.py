"""A column map is read whole or not at all, and every fault says where it is and what to do."""

from pathlib import Path

import pytest

from providers.column_map import UnusableMap, read_map
from providers.settings import MissingSettings, UnusableSetting
from providers.settlement_files import layout_of
from tests.providers.settlement_layout import changed, layout


class TestMap:
    @pytest.mark.parametrize(
        ("path", "value", "complaint"),
        [
            ("version", None, "version: is missing: add it"),
            ("version", "3", "version: must be a whole number"),
            ("version", 0, "version: must be at least 1"),
            ("surprise", 1, "surprise: is not a key that belongs here; allowed: version, file, columns, fields, kinds"),
            ("file.name", "bank.csv", "file.name: must be letters, digits"),
            ("file.name", "../{date}.csv", "file.name: must be letters, digits"),
            ("file.name", "{date}{date}.csv", "file.name: must be letters, digits"),
            ("file.date", "%Y%m", "file.date: must be made of %Y, %m, %d"),
            ("file.date", "%Y%B%m%d", "file.date: must be made of %Y, %m, %d"),
            ("file.daily", "yes", "file.daily: must be true or false"),
            ("file.encoding", "utf-16", "file.encoding: must be one of utf-8, utf-8-sig, ascii, cp1258"),
            ("file.delimiter", "::", "file.delimiter: must be one of"),
            ("columns", [], "columns: must have at least one member"),
            ("columns", ["id", "id"], "columns: must have at least one member, and all different"),
            ("fields.gross", None, "fields.gross: is missing: add it"),
            ("fields.gross", "price", "fields.gross: must be one of `columns`"),
            ("fields.gross", "fee", "fields: must name a different column each"),
            ("fields.tip", "shop", "fields.tip: must be one of line_id, kind"),
            ("fields.currency", None, "currency: must stand either here"),
            ("currency", "VND", "currency: must stand either here"),
            ("fields.status", None, "settled: belongs to a column `status`"),
            ("kinds.PAY", "gift", "kinds.PAY: must be one of payment, refund"),
            ("outgoing", None, "outgoing: belongs to signs: by_kind"),
            ("outgoing", ["LOST"], "outgoing: must be words of `kinds`"),
            ("amounts.thousands_mark", ".", "amounts.thousands_mark: must differ from decimal_mark"),
            ("amounts.unit", "euro", "amounts.unit: must be one of major, minor, hundredths"),
            ("times.zone", "Asia/Ho_Chi_Minh", "times.zone: must be an offset"),
            ("times.format", "%Y-%m-%d", "times.format: must be made of %Y, %m, %d, %H, %M, %S"),
            ("trailer.cells", ["marker", "net"], "trailer.cells: must hold marker, count and net, each once"),
            ("trailer.currency", "DONG", "trailer.currency: must be an ISO 4217 code"),
            ("trailer.total", "maybe", "trailer.total: must be one of reported, checked"),
        ],
    )
    def test_a_fault_is_named_with_its_file_path_and_fix(
        self, tmp_path: Path, path: str, value: object, complaint: str
    ) -> None:
        with pytest.raises(UnusableMap) as unusable:
            layout(tmp_path, changed(path, value))
        assert f"map.yaml: {complaint}" in str(unusable.value)

    def test_all_faults_are_named_at_once(self, tmp_path: Path) -> None:
        with pytest.raises(UnusableMap) as unusable:
            layout(tmp_path, {})
        assert len(unusable.value.faults) == len(("version", "file", "columns", "fields", "kinds", "amounts", "times"))

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("version: 1\nversion: 2\n", "version twice"),
            ("[1]", "must be a block of keys"),
            ("a: [", "is not YAML"),
            ("a: !!python/object:os.system x", "is not YAML"),
        ],
    )
    def test_what_is_no_map_is_refused(self, tmp_path: Path, text: str, complaint: str) -> None:
        (tmp_path / "map.yaml").write_text(text)
        with pytest.raises(UnusableMap, match=complaint):
            read_map(tmp_path / "map.yaml")

    @pytest.mark.parametrize(
        ("text", "where"),
        [
            ("a: 1\nkey: canary: secret\n", r"mapping values are not allowed here \(line 2, column 12\)"),
            ("canary: \x07", "is not YAML: it holds a character that is not allowed"),
            ("canary: 1\nb: [canary", r"\(line 2, column 11\)"),
        ],
    )
    def test_a_file_that_is_no_map_is_not_shown(self, tmp_path: Path, text: str, where: str) -> None:
        """Whoever names the file of a secret by mistake finds nothing of it in the log."""
        (tmp_path / "map.yaml").write_text(text)
        with pytest.raises(UnusableMap, match=where) as unusable:
            read_map(tmp_path / "map.yaml")
        assert "canary" not in str(unusable.value)

    def test_the_settings_name_the_map_or_the_demos_is_taken(self, tmp_path: Path) -> None:
        layout(tmp_path)
        demo = tmp_path / "map.yaml"
        assert layout_of("bank", {}, demo).version == 3
        assert layout_of("bank", {"GATEWAY_BANK_SETTLEMENT_MAP": str(demo)}, Path("nowhere")).version == 3
        with pytest.raises(MissingSettings, match="GATEWAY_BANK_SETTLEMENT_MAP"):
            layout_of("bank", {"GATEWAY_BANK_SETTLEMENT_MAP": " "}, demo)
        with pytest.raises(UnusableSetting, match=r"GATEWAY_BANK_SETTLEMENT_MAP: .*nowhere: cannot be read"):
            layout_of("bank", {"GATEWAY_BANK_SETTLEMENT_MAP": "nowhere"}, demo)
