"""Panels that ask something as by-value Lens visualizations: the attributes inside of a dashboard.

The structure is that of Kibana 8.9 and 9: x-pack/platform/plugins/shared/lens, the persisted states of
its metric, XY, pie and datatable visualizations.
"""

from collections.abc import Sequence

from dashboards.kibana.columns import Json, bucket_column, kuery, measure_column
from dashboards.kibana.measures import Bucket, Last, Measure, OverTime
from dashboards.kibana.panels import Asking, Chart, Number, Share, Table


def layer_reference(panel: Asking) -> Json:
    """What ties a panel's only layer to its data view."""
    return {"id": panel.view.id, "name": f"indexpattern-datasource-layer-{panel.id}", "type": "index-pattern"}


def attributes(panel: Asking) -> Json:
    """The by-value visualization of a panel.

    Raises:
        TypeError: a kind of panel that Lens has no visualization for here.
        ValueError: a number or a share with other than one measure.
    """
    match panel:
        case Number():
            return _visualization(panel, "lnsMetric", {}, _number(panel), zero=True)
        case Chart():
            return _visualization(panel, "lnsXY", _chart_buckets(panel), _chart(panel))
        case Share():
            return _visualization(panel, "lnsPie", _rows(panel.by), _share(panel))
        case Table():
            return _visualization(panel, "lnsDatatable", _rows(panel.rows), _table(panel), zero=True)
        case _:
            raise TypeError(f"{type(panel).__name__} is no visualization of Lens")


def _visualization(
    panel: Asking, kind: str, buckets: dict[str, Bucket], shown: Json, *, zero: bool = False
) -> Json:
    order_by = _ranking(panel.measures)
    columns = {name: bucket_column(bucket, order_by) for name, bucket in buckets.items()}
    columns |= {
        name: measure_column(measure, zero=zero)
        for name, measure in zip(_measures(panel), panel.measures, strict=True)
    }
    layer = {
        "columnOrder": list(columns),
        "columns": columns,
        "incompleteColumns": {},
        "ignoreGlobalFilters": False,
        "sampling": 1,
    }
    return {
        "title": panel.title,
        "description": panel.description,
        "visualizationType": kind,
        "type": "lens",
        "references": [layer_reference(panel)],
        "state": {
            "adHocDataViews": {},
            "datasourceStates": {
                "formBased": {"layers": {panel.id: layer}},
                "indexpattern": {"layers": {}},
                "textBased": {"layers": {}},
            },
            "filters": [],
            "internalReferences": [],
            "query": kuery(panel.where),
            "visualization": shown,
        },
    }


def _ranking(measures: Sequence[Measure]) -> str | None:
    """The id of the measure that ranks groups: the first, where it can be compared."""
    return None if isinstance(measures[0], Last) else _measure_id(0)


def _measures(panel: Asking) -> list[str]:
    return [_measure_id(place) for place in range(len(panel.measures))]


def _measure_id(place: int) -> str:
    return f"measure-{place}"


def _rows(buckets: Sequence[Bucket]) -> dict[str, Bucket]:
    return {f"bucket-{place}": bucket for place, bucket in enumerate(buckets)}


def _chart_buckets(panel: Chart) -> dict[str, Bucket]:
    """The outermost group first: over time it is the series, so that a series is ranked as a whole."""
    if panel.split is None:
        return {"x": panel.x}
    if isinstance(panel.x, OverTime):
        return {"split": panel.split, "x": panel.x}
    return {"x": panel.x, "split": panel.split}


def _one_measure(panel: Number | Share) -> str:
    if len(panel.measures) != 1:
        raise ValueError(f"panel {panel.id} shows one figure, and has {len(panel.measures)} measures")
    return _measure_id(0)


def _number(panel: Number) -> Json:
    return {"layerId": panel.id, "layerType": "data", "metricAccessor": _one_measure(panel)}


def _chart(panel: Chart) -> Json:
    layer: Json = {
        "layerId": panel.id,
        "layerType": "data",
        "seriesType": panel.kind,
        "xAccessor": "x",
        "accessors": _measures(panel),
    }
    if panel.split is not None:
        layer["splitAccessor"] = "split"
    several = panel.split is not None or len(panel.measures) > 1
    sides = {"x": True, "yLeft": True, "yRight": True}
    return {
        "layers": [layer],
        "preferredSeriesType": panel.kind,
        "legend": {"isVisible": several, "position": "right", "showSingleSeries": several},
        "valueLabels": "hide",
        "fittingFunction": "None",
        "axisTitlesVisibilitySettings": {**sides, "x": not isinstance(panel.x, OverTime)},
        "tickLabelsVisibilitySettings": sides,
        "gridlinesVisibilitySettings": sides,
        "labelsOrientation": {"x": 0, "yLeft": 0, "yRight": 0},
    }


def _share(panel: Share) -> Json:
    layer = {
        "layerId": panel.id,
        "layerType": "data",
        "primaryGroups": list(_rows(panel.by)),
        "metrics": [_one_measure(panel)],
        "numberDisplay": "value",
        "categoryDisplay": "default",
        "legendDisplay": "default",
        "nestedLegend": len(panel.by) > 1,
    }
    return {"shape": "donut", "layers": [layer]}


def _table(panel: Table) -> Json:
    shown = [(name, False) for name in _rows(panel.rows)] + [(name, True) for name in _measures(panel)]
    return {
        "layerId": panel.id,
        "layerType": "data",
        "columns": [
            {"columnId": name, "isTransposed": False, "isMetric": is_metric} for name, is_metric in shown
        ],
        "paging": {"enabled": True, "size": 10},
    }
